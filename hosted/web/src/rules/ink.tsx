// What the rule editor and the search field share: coloured text with the place that is wrong, and what may be written next.

import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Completion } from './complete';
import type { Token } from './lexer';

// insert writes into a field as typing does, so that the browser's own undo takes it back.
export function insert(area: HTMLTextAreaElement | HTMLInputElement, from: number, to: number, text: string) {
  area.focus();
  area.setSelectionRange(from, to);
  if (!document.execCommand('insertText', false, text)) {
    area.setRangeText(text, from, to, 'end');
    area.dispatchEvent(new InputEvent('input', { bubbles: true }));
  }
}

// Ink is a text in colours. wrong: the offset of what is wrong, -1: nothing is.
export function Ink({ text, tokens, wrong }: { text: string; tokens: Token[]; wrong: number }) {
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

// Offer is the list of what may be written at the cursor, in the frame that the selector names. It opens above where there is no
// room below. line is the height of a line, px.
export function Offer({ id, offer, chosen, text, accept, frame, line }: { id: string; offer: Completion; chosen: number; text: string; accept: (i: number) => void; frame: string; line: number }) {
  const box = useRef<HTMLUListElement>(null);
  const before = text.slice(0, offer.from);
  const row = before.split('\n').length - 1;
  const column = before.slice(before.lastIndexOf('\n') + 1).replaceAll('\t', '    ').length;
  useLayoutEffect(() => {
    const list = box.current!;
    const area = list.closest(frame)!.getBoundingClientRect();
    list.style.transform = '';
    const at = list.getBoundingClientRect();
    const up = at.bottom > area.bottom && at.top - area.top > at.height + line ? `translateY(${-at.height - line - 4}px)` : '';
    const left = at.right > area.right ? `translateX(${Math.max(area.right - at.right - 4, area.left - at.left + 4)}px)` : '';
    list.style.transform = `${left} ${up}`;
  }, [offer, frame, line]);
  useEffect(() => {
    box.current?.children[chosen]?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  return (
    <ul ref={box} id={id} class="offer" role="listbox" aria-label="What may be written here" style={{ top: `${(row + 1) * line}px`, left: `${column}ch` }}>
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
