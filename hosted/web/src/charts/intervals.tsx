// Loss, jitter and MOS over the call: three charts with one cursor, a line for each stream.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import type { Stream } from '../api/types';
import { usePrefs } from '../prefs';
import { clock } from '../time';
import { useMedia } from '../ui/bits';
import { colour } from '../ui/colour';
import { columns, nearest, type Columns, type Measure } from './series';

const CHARTS: { measure: Measure; title: string; unit: string; decimals: number; range: (max: number) => [number, number] }[] = [
  { measure: 'mos', title: 'MOS', unit: '', decimals: 2, range: () => [1, 4.6] },
  { measure: 'loss', title: 'Loss', unit: '%', decimals: 1, range: (max) => [0, Math.max(2, max * 1.1)] },
  { measure: 'jitter', title: 'Jitter', unit: 'ms', decimals: 1, range: (max) => [0, Math.max(10, max * 1.1)] },
];

const HEIGHT = 150;
export const COLOURS = 6; // --s1 to --s6 in the style sheet; then they repeat with dashes
const seriesVar = (i: number) => `--s${(i % COLOURS) + 1}`;

export function IntervalCharts({ streams, names }: { streams: Stream[]; names: string[] }) {
  const [at, setAt] = useState<number | null>(null);
  return (
    <div class="charts">
      {CHARTS.map((c) => <Chart key={c.measure} chart={c} streams={streams} names={names} at={at} setAt={setAt} />)}
    </div>
  );
}

interface ChartProps {
  chart: (typeof CHARTS)[number];
  streams: Stream[];
  names: string[];
  at: number | null; // x under the cursor, seconds since the epoch
  setAt: (x: number | null) => void;
}

function Chart({ chart, streams, names, at, setAt }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const { zone, theme } = usePrefs();
  const systemDark = useMedia('(prefers-color-scheme: dark)');
  const data = useMemo(() => columns(streams, chart.measure), [streams, chart]);

  useEffect(() => {
    const el = box.current;
    if (!el) return;
    const ink = colour(el, '--quiet');
    const grid = { stroke: colour(el, '--line'), width: 1 };
    const axis = { stroke: ink, grid, ticks: { ...grid, size: 4 }, font: '11px system-ui, sans-serif' };
    const plot = new uPlot(
      {
        width: el.clientWidth, height: HEIGHT, legend: { show: false },
        cursor: { sync: { key: 'call' }, y: false, points: { size: 7 } },
        scales: {
          x: { range: (_u, min, max) => [min - 2, Math.max(max, min + 20) + 2] },
          y: { range: (_u, _min, max) => chart.range(max) },
        },
        axes: [{ ...axis, space: 62, size: 28, values: (_u, splits) => splits.map((s) => clock(s * 1e6, zone)) }, { ...axis, size: 40, space: 24 }],
        series: [{}, ...streams.map((_, i) => ({ stroke: colour(el, seriesVar(i)), width: 1.75, points: { show: data.x.length < 30, size: 5 }, ...(i >= COLOURS || i % 2 ? { dash: [6, 3] } : {}) }))],
        hooks: { setCursor: [(u) => setAt(u.cursor.idx == null ? null : (data.x[u.cursor.idx] ?? null))] },
      },
      [data.x, ...data.y] as uPlot.AlignedData,
      el,
    );
    const seen = new ResizeObserver(() => plot.setSize({ width: el.clientWidth, height: HEIGHT }));
    seen.observe(el);
    return () => {
      seen.disconnect();
      plot.destroy();
    };
  }, [data, chart, streams, zone, theme, systemDark, setAt]);

  return (
    <figure class="chart">
      <figcaption>
        <strong>{chart.title}</strong> {chart.unit && <small>{chart.unit}</small>}
        <span class="at">
          {at !== null && (
            <>
              <span class="quiet mono">{clock(at * 1e6, zone)}</span>
              {streams.map((_, i) => <Reading key={i} index={i} name={names[i]!} value={nearest(data, i, at)} decimals={chart.decimals} />)}
            </>
          )}
        </span>
      </figcaption>
      <div ref={box} role="img" aria-label={`${chart.title} over time; ${names.map((n, i) => `${n}: ${extremes(data, i, chart.decimals)}`).join('; ')}`} />
    </figure>
  );
}

function Reading({ index, name, value, decimals }: { index: number; name: string; value: number | null; decimals: number }) {
  if (value === null) return null;
  return (
    <span class="reading" title={name}>
      <i class={`swatch s${(index % COLOURS) + 1}`} /> {value.toFixed(decimals)}
    </span>
  );
}

function extremes(d: Columns, stream: number, decimals: number): string {
  const v = (d.y[stream] ?? []).filter((x): x is number => x != null);
  return v.length ? `${Math.min(...v).toFixed(decimals)} to ${Math.max(...v).toFixed(decimals)}` : 'no values';
}

// colour resolves a custom property, light-dark() included, to what a canvas understands.
