// A chart of figures over time: lines or stacked bars, one step a point. A point is a link, a drag chooses a time.

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { count } from '../format';
import { usePrefs } from '../prefs';
import type { Zone } from '../time';
import { useMedia } from '../ui/bits';
import { colour } from '../ui/colour';
import { axisTime, middles, parted, stacked } from './axis';

export interface Band {
  name: string;
  values: (number | null)[];
  colour: string; // custom property
}

interface Props {
  label: string; // for those who do not see it
  kind: 'lines' | 'stack';
  at: number[]; // begin of each step, us
  step: number; // s
  from: number; // what the chart shows, us
  to: number;
  bands: Band[];
  loose?: number; // from this point on they may still change: drawn dotted, or pale
  before?: (number | null)[]; // the first band, or the sum of the stack, of the time that is compared with
  scale: { bottom: number; least: number; most?: number };
  height: number;
  index: number | null; // of the step under the cursor
  setIndex: (i: number | null) => void;
  zoom: (from: number, to: number) => void; // us
  open: (index: number) => void;
}

// steering is set while the keyboard moves the cursors: to which point is known then, and the cursors, which are somewhere in its pixel,
// must not say otherwise.
let steering = false;

const AXIS_FONT = '11px system-ui, sans-serif';

export function TimeChart(p: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const now = useRef(p);
  now.current = p;
  const { zone, theme } = usePrefs();
  const systemDark = useMedia('(prefers-color-scheme: dark)');

  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const build = () => {
      plot.current?.destroy();
      plot.current = draw(el, now, zone);
    };
    build();
    const seen = new ResizeObserver(() => plot.current?.setSize({ width: el.clientWidth, height: now.current.height }));
    seen.observe(el);
    const repaint = () => build(); // on paper the colours are those of the light theme
    addEventListener('repaint', repaint);
    return () => {
      removeEventListener('repaint', repaint);
      seen.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [p.at, p.bands, p.loose, p.before, p.from, p.to, p.height, zone, theme, systemDark]);

  useEffect(() => {
    const u = plot.current;
    if (!u || p.index === null || box.current !== document.activeElement || u.cursor.idx === p.index) return;
    steering = true;
    u.setCursor({ left: u.valToPos(u.data[0][p.index]!, 'x'), top: 1 });
    steering = false;
  }, [p.index]);

  const key = (e: KeyboardEvent) => {
    const last = p.at.length - 1;
    const i = p.index ?? last + 1;
    const to = { ArrowLeft: Math.max(0, i - 1), ArrowRight: Math.min(last, i + 1), Home: 0, End: last }[e.key];
    if (to !== undefined) p.setIndex(to);
    else if (e.key === 'Enter' && p.index !== null) p.open(p.index);
    else return;
    e.preventDefault();
  };
  return <div ref={box} class="plot" role="group" aria-label={p.label} tabIndex={0} onKeyDown={key} />;
}

// draw makes the plot. It reads the newest props when something happens.
function draw(el: HTMLElement, now: { current: Props }, zone: Zone): uPlot {
  const p = now.current;
  const ink = colour(el, '--quiet');
  const grid = { stroke: colour(el, '--line'), width: 1 };
  const axis = { stroke: ink, grid, ticks: { ...grid, size: 4 }, font: AXIS_FONT };
  const x = middles(p.at, p.step, p.from, p.to);
  const few = x.length < 40;
  const sure = p.loose ?? x.length;
  const rows: (number | null)[][] = [];
  const series: uPlot.Series[] = [];
  (p.kind === 'stack' ? stacked(p.bands.map((b) => b.values)) : p.bands.map((b) => b.values)).forEach((row, i) => {
    const stroke = colour(el, p.bands[i]!.colour);
    parted(row, sure, p.kind === 'lines').forEach((values, loose) => {
      if (loose && sure >= row.length) return;
      rows.push(values);
      if (p.kind === 'stack') {
        const fill = loose ? mixed(stroke, colour(el, '--panel'), 0.4) : stroke; // not transparent: others stand behind it
        series.push({ stroke: fill, fill, width: 0, points: { show: false }, paths: uPlot.paths.bars!({ size: [0.86, 40, 1] }) });
      } else {
        const dash = loose ? [2, 2] : i ? [5, 3] : undefined;
        series.push({
          stroke, width: i ? 1.25 : 1.75, points: { show: true, size: 4, filter: few && !loose ? null : alone(values) }, ...(dash ? { dash } : {}), ...(i || loose || p.scale.bottom ? {} : { fill: alpha(stroke, 0.09) }),
        });
      }
    });
  });
  if (p.kind === 'stack') {
    rows.reverse(); // the tallest first, so that the others stand before it
    series.reverse();
  }
  if (p.before) {
    rows.push(p.before);
    series.push({ stroke: ink, width: 1, dash: [2, 3], points: { show: false } });
  }
  let pressed: PointerEvent | null = null;
  let chosen = false;
  const u = new uPlot(
    {
      width: el.clientWidth, height: p.height, legend: { show: false }, padding: [8, 8, 0, 0],
      cursor: {
        y: false, points: { size: 6, show: p.kind === 'lines' }, drag: { x: true, y: false, setScale: false },
        sync: { key: 'dashboard', filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' } },
      },
      scales: {
        x: { range: () => [p.from / 1e6, p.to / 1e6] },
        y: { range: (_u, _min, max) => [p.scale.bottom, p.scale.most ?? Math.max(p.scale.least, (max ?? 0) * 1.08)] },
      },
      axes: [
        { ...axis, space: 74, size: 28, values: (_u, splits) => axisTime(splits, zone) },
        { ...axis, size: 44, space: 26, values: (_u, splits) => splits.map(count) },
      ],
      series: [{}, ...series],
      hooks: {
        setCursor: [(c) => steering || now.current.setIndex(c.cursor.left !== undefined && c.cursor.left >= 0 ? (c.cursor.idx ?? null) : null)],
        setSelect: [
          (c) => {
            if (!pressed || c.select.width < 6) return;
            chosen = true;
            now.current.zoom(c.posToVal(c.select.left, 'x') * 1e6, c.posToVal(c.select.left + c.select.width, 'x') * 1e6);
          },
        ],
      },
    },
    [x, ...rows] as uPlot.AlignedData,
    el,
  );
  u.over.addEventListener('pointerdown', (e) => {
    pressed = e;
    chosen = false;
  });
  u.over.addEventListener('click', () => {
    const touch = pressed?.pointerType === 'touch'; // a finger points first: what it points at says where it leads
    pressed = null;
    if (!chosen && !touch && u.cursor.idx != null) now.current.open(u.cursor.idx);
  });
  return u;
}

// alone picks the points that no line shows, because there is nothing before and behind them.
const alone = (values: (number | null)[]) => () => values.flatMap((v, i) => (v !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null ? [i] : []));

const alpha = (rgb: string, a: number) => rgb.replace(/^rgb\((.*)\)$/, `rgba($1, ${a})`);

// mixed is so much of one colour in another.
function mixed(rgb: string, ground: string, part: number): string {
  const [a, b] = [rgb, ground].map((c) => c.match(/[\d.]+/g)!.map(Number));
  return `rgb(${[0, 1, 2].map((i) => Math.round(a![i]! * part + b![i]! * (1 - part))).join(' ')})`;
}
