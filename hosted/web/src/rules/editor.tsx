// The rule editor: a plain textarea, which every keyboard and screen reader knows, above a coloured copy of its text.

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { RuleError, RuleField } from '../api/types';
import { complete, type Completion } from './complete';
import { lex, place } from './lexer';

const LINE = 20; // px, as .editor in rules.css

const EXAMPLE = `# The first rule that holds decides. For example:

bad:    keep rtp when mos<3.5 or loss>2 or finding:one-way-audio
ticket: keep rtp when callee:4202* until 2027-01-31 note "4711"
rest:   keep sip`;

interface Props {
  value: string;
  change: (text: string) => void;
  fields: RuleField[];
  error: RuleError | null;
  label: string;
  describedBy: string;
  readOnly?: boolean;
  save?: () => void;
  act?: Act | null; // done when it is another object than before
}

// Act puts the cursor to a place, after writing there what the browser's undo can take back.
export interface Act {
  at: number;
  write?: { to: number; text: string }; // in place of what is from at to there
}

// Longer texts are not coloured: that costs more with every key than it is worth.
const COLOURED = 50_000; // characters


export function Editor({ value, change, fields, error, label, describedBy, readOnly, save, act }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  const [offer, setOffer] = useState<Completion | null>(null);
  const [chosen, setChosen] = useState(0);
  const list = useId();
  const lines = useMemo(() => value.split('\n').length, [value]);

  useEffect(() => {
    const t = area.current;
    if (!act || !t) return;
    if (act.write) insert(t, act.at, act.write.to, act.write.text);
    const at = act.at + (act.write?.text.length ?? 0);
    t.focus();
    t.setSelectionRange(at, at);
    setOffer(null);
    const row = t.value.slice(0, at).split('\n').length - 1;
    const box = t.closest('.editor')!;
    const x = (at - (t.value.lastIndexOf('\n', at - 1) + 1)) * 0.61 * Number.parseFloat(getComputedStyle(t).fontSize); // about: monospaced letters are 0.6 em wide
    box.scrollLeft = x > box.clientWidth - 90 ? x - box.clientWidth / 2 : 0;
    if (row * LINE < box.scrollTop || (row + 2) * LINE > box.scrollTop + box.clientHeight) box.scrollTop = Math.max(0, (row - 3) * LINE);
  }, [act]);

  // ask looks for what may stand at the cursor. Unasked, while somebody types, it offers only where a word has begun or must follow.
  const ask = (t: HTMLTextAreaElement, unasked = false) => {
    const at = t.selectionStart;
    const c = at === t.selectionEnd ? complete(t.value, at, fields) : null;
    setChosen(0);
    setOffer(c && unasked && c.from === at && !/(?:[:(]|\b(?:keep|when|and|or|not) )$/.test(t.value.slice(Math.max(0, at - 6), at)) ? null : c);
  };
  const accept = (i: number) => {
    const c = offer?.choices[i];
    if (!offer || !c || !area.current) return;
    const at = offer.from + c.text.length;
    insert(area.current, offer.from, offer.to, c.text);
    if (c.text.endsWith('""')) area.current.setSelectionRange(at - 1, at - 1);
    if (/[: ]$/.test(c.text)) ask(area.current);
    else setOffer(null);
  };

  const key = (e: KeyboardEvent) => {
    if ((e.ctrlKey || e.metaKey) && e.key === 's') {
      e.preventDefault();
      save?.();
      return;
    }
    if (e.ctrlKey && e.key === ' ') {
      e.preventDefault();
      ask(area.current!);
      return;
    }
    if (!offer) return;
    const n = offer.choices.length;
    if (e.key === 'ArrowDown') setChosen((chosen + 1) % n);
    else if (e.key === 'ArrowUp') setChosen((chosen + n - 1) % n);
    else if (e.key === 'Enter' || e.key === 'Tab') accept(chosen);
    else if (e.key === 'Escape') setOffer(null);
    else {
      if (e.key.startsWith('Arrow') || e.key === 'Home' || e.key === 'End' || e.key.startsWith('Page')) setOffer(null);
      return;
    }
    e.preventDefault();
    e.stopPropagation();
  };

  return (
    <div class={readOnly ? 'editor read-only' : 'editor'} style={{ '--digits': String(lines).length }}>
      <div class="gutter" aria-hidden="true">
        {numbers(1, error ? error.line - 1 : lines)}
        {error && <b>{error.line}{'\n'}</b>}
        {error && numbers(error.line + 1, lines)}
      </div>
      <div class="sheet">
        <Coloured text={value} error={error} />
        <textarea
          ref={area} value={value} readOnly={readOnly} aria-label={label} aria-describedby={describedBy} aria-invalid={error ? 'true' : undefined} aria-autocomplete="list"
          aria-controls={offer ? list : undefined} aria-activedescendant={offer ? `${list}-${chosen}` : undefined}
          spellcheck={false} autoComplete="off" autoCapitalize="off" wrap="off" placeholder={readOnly ? '' : EXAMPLE}
          onInput={(e) => {
            change(e.currentTarget.value);
            const typed = (e as InputEvent).inputType;
            if (typed === 'insertText' || (offer && typed === 'deleteContentBackward')) ask(e.currentTarget, true);
            else setOffer(null);
          }}
          onKeyDown={key}
          onClick={() => setOffer(null)}
          onBlur={() => setOffer(null)}
        />
        {offer && <Offer id={list} offer={offer} chosen={chosen} text={value} accept={accept} />}
      </div>
    </div>
  );
}

const numbers = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => `${from + i}\n`).join('');

// insert writes into a textarea as typing does, so that the browser's own undo takes it back.
function insert(area: HTMLTextAreaElement, from: number, to: number, text: string) {
  area.focus();
  area.setSelectionRange(from, to);
  if (!document.execCommand('insertText', false, text)) {
    area.setRangeText(text, from, to, 'end');
    area.dispatchEvent(new InputEvent('input', { bubbles: true }));
  }
}

function Coloured({ text, error }: { text: string; error: RuleError | null }) {
  const tokens = useMemo(() => (text.length > COLOURED ? [] : lex(text)), [text]);
  const wrong = error ? place(text, error.line, error.column) : -1;
  const parts: ComponentChildren[] = [];
  // gap is what stands between words; where something is missing there, the place is marked.
  const gap = (from: number, to: number, end = false) => {
    if (wrong < from || wrong > to || (wrong === to && !end)) return void parts.push(text.slice(from, to));
    const blank = text[wrong] === ' ' && wrong < to;
    parts.push(text.slice(from, wrong), <span class="wrong"> </span>, text.slice(blank ? wrong + 1 : wrong, to));
  };
  let at = 0;
  for (const t of tokens) {
    if (t.at > at) gap(at, t.at);
    at = t.at + t.text.length;
    parts.push(<span class={wrong >= t.at && wrong < at ? `${t.kind} wrong` : t.kind}>{t.text}</span>);
  }
  gap(at, text.length, true);
  return (
    <pre class="ink" aria-hidden="true">
      {parts}
      {'\n'}
    </pre>
  );
}

// Offer is the list of what may be written at the cursor. It opens above where there is no room below.
function Offer({ id, offer, chosen, text, accept }: { id: string; offer: Completion; chosen: number; text: string; accept: (i: number) => void }) {
  const box = useRef<HTMLUListElement>(null);
  const before = text.slice(0, offer.from);
  const row = before.split('\n').length - 1;
  const column = before.slice(before.lastIndexOf('\n') + 1).replaceAll('\t', '    ').length;
  useLayoutEffect(() => {
    const list = box.current!;
    const frame = list.closest('.editor')!.getBoundingClientRect();
    list.style.transform = '';
    const at = list.getBoundingClientRect();
    const up = at.bottom > frame.bottom && at.top - frame.top > at.height + LINE ? `translateY(${-at.height - LINE - 4}px)` : '';
    const left = at.right > frame.right ? `translateX(${Math.max(frame.right - at.right - 4, frame.left - at.left + 4)}px)` : '';
    list.style.transform = `${left} ${up}`;
  }, [offer]);
  useEffect(() => {
    box.current?.children[chosen]?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  return (
    <ul ref={box} id={id} class="offer" role="listbox" aria-label="What may be written here" style={{ top: `${(row + 1) * LINE}px`, left: `${column}ch` }}>
      {offer.choices.map((c, i) => (
        <li
          key={c.text} id={`${id}-${i}`} role="option" aria-selected={i === chosen}
          onMouseDown={(e) => {
            e.preventDefault(); // the textarea keeps the focus
            accept(i);
          }}
        >
          <b>{c.text.trim()}</b> <small>{c.doc}</small>
        </li>
      ))}
    </ul>
  );
}
