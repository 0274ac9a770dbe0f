// The rule editor: a plain textarea, which every keyboard and screen reader knows, above a coloured copy of its text.

import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import type { RuleError, RuleField } from '../api/types';
import { complete, type Completion } from './complete';
import { Ink, insert, Offer } from './ink';
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
  const tokens = useMemo(() => (value.length > COLOURED ? [] : lex(value)), [value]);

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
        <Ink text={value} tokens={tokens} wrong={error ? place(value, error.line, error.column) : -1} />
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
        {offer && <Offer id={list} offer={offer} chosen={chosen} text={value} accept={accept} frame=".editor" line={LINE} />}
      </div>
    </div>
  );
}

const numbers = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => `${from + i}\n`).join('');
