// Calls as a table: one grid for head and rows, of which only those in sight are drawn; keys walk them.

import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { NONE } from '../format';
import { usePrefs } from '../prefs';
import { clock, date, dateTime, micros, zoneName } from '../time';
import { typing } from '../ui/keys';
import { edges, VirtualRows } from '../ui/virtual';
import type { CallRow } from './callrows';
import { isUsual, type Column } from './columns';

// Heights in pixels, as in calls.css: a row, and the card that it becomes in a narrow window.
const ROW = 34;
const CARD = 78;

export type Item = { kind: 'call'; row: CallRow } | { kind: 'head'; key: string; text: string; action?: { text: string; run: () => void } };

interface TableProps {
  items: Item[];
  href: (id: string) => string; // of a call
  columns: Column[];
  small: boolean;
  more: () => void;
  oldest: boolean; // come first
  turn: () => void; // the order around
}

export function CallTable({ items, href, columns, small, more, oldest, turn }: TableProps) {
  const { zone } = usePrefs();
  const box = useRef<HTMLDivElement>(null);
  const places = useMemo(() => edges(items.length, (i) => (small && items[i]!.kind === 'call' ? CARD : ROW)), [items, small]);
  useRowKeys(box, items, places);
  const own = !isUsual(columns);
  const style = own ? { '--tracks': columns.map((c) => c.track).join(' '), minWidth: `${columns.reduce((w, c) => w + c.least + 12, 32)}px` } : undefined;
  return (
    <div ref={box} class={own ? 'table own' : 'table'} style={style} role="table" aria-label="Calls" aria-rowcount={items.length + 1}>
      <div role="rowgroup" class="head">
        <div role="row" class="row">
          {columns.map((c) => (
            <span key={c.name} role="columnheader" class={c.mark} title={c.doc} {...(c.name === 'start' ? { 'aria-sort': oldest ? 'ascending' : 'descending' } : {})}>
              {c.name === 'start' ? <button type="button" class="turn" onClick={turn} title={oldest ? 'The oldest first; turn around' : 'The newest first; turn around'}>{c.head} {oldest ? '↑' : '↓'}</button> : c.head}
              {' '}{TIMES.has(c.name) && <small>{zoneName(zone)}</small>}
            </span>
          ))}
        </div>
      </div>
      <VirtualRows
        edges={places}
        nearEnd={more}
        render={(i) => {
          const item = items[i]!;
          return item.kind === 'head' ? <HeadRow key={item.key} item={item} /> : <Row key={item.row.id} row={item.row} href={href(item.row.id)} columns={columns} index={i} small={small} />;
        }}
      />
    </div>
  );
}

const TIMES = new Set(['start', 'ringing', 'answer', 'end']);

function HeadRow({ item }: { item: Extract<Item, { kind: 'head' }> }) {
  return (
    <div role="row" class="row group">
      <span role="cell">
        {item.text}{' '}
        {item.action && <button type="button" class="link" onClick={item.action.run}>{item.action.text}</button>}
      </span>
    </div>
  );
}

// Row is a call. Its link covers the row; it is the time, or stands before the first cell.
function Row({ row, href, columns, index, small }: { row: CallRow; href: string; columns: Column[]; index: number; small: boolean }) {
  const { zone } = usePrefs();
  const us = micros(row.start);
  const time = us === null ? NONE : small ? `${date(us, zone).slice(5)} ${clock(us, zone)}` : dateTime(us, zone);
  const at = Math.max(0, columns.findIndex((c) => c.name === 'start'));
  const link = (content: ComponentChildren) => <a href={href} data-call={row.id} aria-label={`Call from ${row.caller} to ${row.callee}, ${time}`}>{content}</a>;
  return (
    <div role="row" class={row.live ? 'row live' : 'row'} data-index={index} aria-rowindex={index + 2}>
      {columns.map((c, i) => {
        const cell = c.name === 'start' ? time : c.cell(row, zone);
        return <span key={c.name} role="cell" class={c.mark} title={c.tip?.(row)}>{i === at ? link(cell) : cell}</span>;
      })}
    </div>
  );
}

// useRowKeys: j and k walk the rows; Enter is the focused link's own.
function useRowKeys(box: { current: HTMLDivElement | null }, items: Item[], places: Float64Array) {
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      const step = e.key === 'j' || e.key === 'ArrowDown' ? 1 : e.key === 'k' || e.key === 'ArrowUp' ? -1 : 0;
      const rows = box.current?.querySelector('.virtual');
      if (!step || !rows || typing(e)) return;
      const at = document.activeElement?.closest<HTMLElement>('[data-index]');
      if (!at && e.key.startsWith('Arrow')) return; // arrows scroll until a row has the focus
      let i = at ? Number(at.dataset.index) + step : places.findIndex((y) => y + rows.getBoundingClientRect().top >= covered(rows));
      while (items[i]?.kind === 'head') i += step;
      if (!items[i]) return;
      e.preventDefault();
      focusRow(rows, i, places);
    };
    document.addEventListener('keydown', key);
    return () => document.removeEventListener('keydown', key);
  }, [box, items, places]);
}

// covered is how far down the window what sticks to its top lies over the rows.
function covered(rows: Element): number {
  const bottom = (e: Element | null | undefined) => e?.getBoundingClientRect().bottom ?? 0;
  return Math.floor(Math.max(bottom(document.querySelector('.bar')), bottom(rows.parentElement?.querySelector('.head'))));
}

function focusRow(rows: Element, index: number, places: Float64Array) {
  const top = rows.getBoundingClientRect().top + places[index]!;
  const bottom = rows.getBoundingClientRect().top + places[index + 1]!;
  if (top < covered(rows)) window.scrollBy(0, top - covered(rows));
  else if (bottom > window.innerHeight) window.scrollBy(0, bottom - window.innerHeight + 4);
  const focus = (tries: number) => {
    const a = rows.querySelector<HTMLElement>(`[data-index="${index}"] a`);
    if (a) a.focus({ preventScroll: true });
    else if (tries > 0) requestAnimationFrame(() => focus(tries - 1)); // the row is drawn after the scroll event
  };
  focus(5);
}
