// Draws the ladder of a call as SVG, and the same as a table for those who read or copy text.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CDR, Message } from '../api/types';
import { mos as mosText, percent, shorten } from '../format';
import { usePrefs } from '../prefs';
import { clock, micros, zoneName } from '../time';
import { grade } from '../words';
import { HEAD, layout, type Arrow, type Bar, type Ladder as Shape, type Pause } from './layout';

// Picking is for where messages can be shown whole.
export interface Picking {
  picked: Message | null;
  pick: (m: Message) => void;
}

interface Props {
  cdr: CDR;
  picking?: Picking | undefined;
}

export function Ladder({ cdr, picking }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(760);
  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const seen = new ResizeObserver(() => setWidth(el.clientWidth));
    seen.observe(el);
    return () => seen.disconnect();
  }, []);
  const shape = useMemo(() => layout(cdr, width), [cdr, width]);
  return (
    <div ref={box} class="ladder" tabIndex={0} role="group" aria-label="SIP ladder, scrolls sideways">
      <Drawing shape={shape} picking={picking} />
    </div>
  );
}

function Drawing({ shape, picking }: { shape: Shape; picking: Picking | undefined }) {
  const { participants, rows, gutter, spacing, width, height } = shape;
  const x = (i: number) => participants[i]!.x;
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role={picking ? 'group' : 'img'} aria-label={`Ladder: ${rows.length} lines between ${participants.map((p) => p.endpoint).join(', ')}. The table view holds the same as text.`}>
      <defs>
        <marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse">
          <path d="M0 1 10 5 0 9Z" fill="context-stroke" />
        </marker>
      </defs>
      {participants.map((p) => {
        const name = shorten(p.endpoint, Math.floor((spacing - 16) / NAME_CHAR));
        return (
          <g key={p.endpoint} data-participant={p.endpoint}>
            <line class="life" x1={p.x} x2={p.x} y1={HEAD - 8} y2={height} />
            <text class="role" x={p.x} y={16} text-anchor="middle">{p.role}</text>
            <text class="endpoint" x={Math.min(p.x, width - (name.length * NAME_CHAR) / 2)} y={34} text-anchor="middle">
              <title>{p.endpoint}</title>
              {name}
            </text>
          </g>
        );
      })}
      {rows.map((r) => {
        if (r.kind === 'pause') return <PauseRow key={`p${r.y}`} row={r} gutter={gutter} width={width} />;
        const span = { x1: x(r.from), x2: x(r.to), gutter, spacing };
        return r.kind === 'message' ? <ArrowRow key={r.y} row={r} picking={picking} {...span} /> : <BarRow key={r.y} row={r} {...span} />;
      })}
    </svg>
  );
}

interface Ends {
  x1: number;
  x2: number;
  gutter: number;
  spacing: number;
}

function Times({ row, gutter }: { row: Arrow | Bar; gutter: number }) {
  return (
    <>
      <text class="offset" x={gutter - 8} y={row.y} text-anchor="end">{row.offset}</text>
      <text class="delta" x={gutter - 8} y={row.y + 13} text-anchor="end">{row.delta}</text>
    </>
  );
}

function ArrowRow({ row, picking, x1, x2, gutter, spacing }: { row: Arrow; picking: Picking | undefined } & Ends) {
  const m = row.message;
  const self = x1 === x2;
  const mid = self ? x1 + 34 : (x1 + x2) / 2;
  const room = Math.max(Math.abs(x2 - x1), spacing) - 26;
  const anchor = self ? 'start' : 'middle';
  const button = picking && {
    role: 'button' as const, tabindex: 0, 'aria-pressed': picking.picked === m, onClick: () => picking.pick(m),
    onKeyDown: (e: KeyboardEvent) => {
      if (e.key !== 'Enter' && e.key !== ' ') return;
      e.preventDefault();
      picking.pick(m);
    },
  };
  return (
    <g class={`arrow ${row.tone}${m.retransmission ? ' again' : ''}`} data-kind="message" data-from={m.src} data-to={m.dst} {...button}>
      {picking && <rect class="place" x={Math.min(x1, x2) + 4} y={row.y - 19} width={self ? spacing : Math.abs(x2 - x1) - 8} height={37} rx={5} />}
      <title>{`${m.first_line}\n${m.src} > ${m.dst}\nCSeq ${m.cseq}${m.sdp ? `\nSDP ${m.sdp}` : ''}${m.retransmission ? '\nretransmission' : ''}\n${row.offset} s after the first message`}</title>
      <Times row={row} gutter={gutter} />
      {self ? <path class="line" d={`M${x1} ${row.y - 4}h26v9h-24`} marker-end="url(#tip)" /> : <line class="line" x1={x1} x2={x2} y1={row.y} y2={row.y} marker-end="url(#tip)" />}
      <text class="label" x={mid} y={row.y - 6} text-anchor={anchor}>{fit(m.retransmission ? `${row.label} ↻ again` : row.label, room, 7)}</text>
      <text class="note" x={mid} y={row.y + 14} text-anchor={anchor}>{fit(row.note, room, 5.8)}</text>
    </g>
  );
}

function BarRow({ row, x1, x2, gutter }: { row: Bar } & Ends) {
  const s = row.stream;
  const self = x1 === x2;
  const avg = s.mos_adapt?.avg ?? null;
  const g = grade(avg);
  const mos = g === 'none' ? '' : mosText(avg);
  const lost = `${percent(s.loss_pct)} lost`;
  const right = x2 >= x1;
  const [a, b] = self ? [x1 - 80, x1 + 80] : [Math.min(x1, x2), Math.max(x1, x2)];
  const [l, r, top, bottom] = [a + 3, b - 3, row.y - 9, row.y + 9];
  const d = right ? `M${l} ${top}H${r - 9}L${r} ${row.y}L${r - 9} ${bottom}H${l}Z` : `M${r} ${top}H${l + 9}L${l} ${row.y}L${l + 9} ${bottom}H${r}Z`;
  return (
    <g class={`media ${g}`} data-kind="stream" data-from={s.src} data-to={s.dst}>
      <title>{`${s.src} > ${s.dst}\n${s.ssrc} payload type ${s.payload_type}\n${s.packets} packets, ${s.lost} lost`}</title>
      <Times row={row} gutter={gutter} />
      <path d={d} />
      <text class="label" x={(a + b) / 2} y={row.y + 4} text-anchor="middle">{widest(mos ? [`${row.label} ${mos} ${g} · ${lost}`, `${row.label} ${mos} · ${lost}`, `${mos} · ${lost}`] : [`${row.label} · ${lost}`, lost], b - a - 24)}</text>
    </g>
  );
}

function PauseRow({ row, gutter, width }: { row: Pause; gutter: number; width: number }) {
  return (
    <g class="pause">
      <line x1={gutter} x2={width - 20} y1={row.y} y2={row.y} />
      <text x={gutter - 8} y={row.y + 4} text-anchor="end">{row.label}</text>
    </g>
  );
}

const NAME_CHAR = 7.3; // width of a character of a participant's name
const BAR_CHAR = 6.5; // mean width of a character on a bar

// widest is the first of the texts that fits, else the last.
const widest = (texts: string[], room: number) => texts.find((t) => t.length * BAR_CHAR <= room) ?? texts.at(-1);

// fit cuts a text to a width, at the mean width of a character of its font.
const fit = (text: string, room: number, char: number) => (text.length * char <= room ? text : text.slice(0, Math.max(1, Math.floor(room / char) - 1)) + '…');

export function MessageTable({ cdr, picking }: Props) {
  const { zone } = usePrefs();
  let before = 0;
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label="SIP messages, scrolls sideways">
      <table class="data">
        <thead>
          <tr><th>Time <small>{zoneName(zone)}</small></th><th class="n">Delta s</th><th>From</th><th>To</th><th>Message</th><th>CSeq</th><th>SDP</th></tr>
        </thead>
        <tbody>
          {cdr.messages.map((m, i) => {
            const at = micros(m.t) ?? 0;
            const delta = before ? ((at - before) / 1e6).toFixed(3) : '';
            before = at;
            return (
              <tr key={i}>
                <td class="mono">{clock(at, zone, 6)}</td><td class="n mono">{delta}</td><td class="mono">{m.src}</td><td class="mono">{m.dst}</td>
                <td class="mono">{picking ? <button type="button" class="link" aria-pressed={picking.picked === m} onClick={() => picking.pick(m)}>{m.first_line}</button> : m.first_line}{m.retransmission && <span class="pill warn">again</span>}</td><td class="mono">{m.cseq}</td><td>{m.sdp}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
