// The charts. What is under the cursor is told above each, as a link to the calls that the point counts.

import { useMemo, useState } from 'preact/hooks';
import type { Point, Stats } from '../api/stats';
import { aligned } from '../charts/axis';
import { TimeChart, type Band } from '../charts/time';
import { count } from '../format';
import { usePrefs } from '../prefs';
import { navigate } from '../router';
import { clock, date, micros, type Zone } from '../time';
import { callsLink, COMPARES, cut, PANELS, preliminary, values, type Line, type Panel, type View } from './view';

// Classes of statuses have colours of their own: what was answered is calm, what the network did is loud.
const STACK = ['--s3', '--s6', '--s2', '--s5', '--s4', '--field-line'];
const LINES = ['--s1', '--s2'];

interface Props {
  view: View;
  now: Stats;
  before: Stats | null;
  from: number; // what was asked for, us
  to: number;
  height: number;
  zoom: (from: number, to: number) => void;
}

export function Panels(p: Props) {
  const [index, setIndex] = useState<number | null>(null);
  const at = useMemo(() => p.now.series.map((x) => micros(x.at)!), [p.now]);
  return (
    <div class="panels">
      {PANELS.map((panel) => <PanelChart key={panel.id} panel={panel} at={at} index={index} setIndex={setIndex} {...p} />)}
    </div>
  );
}

type ChartProps = Props & { panel: Panel; at: number[]; index: number | null; setIndex: (i: number | null) => void };

function PanelChart({ panel, view, now, before, from, to, height, zoom, at, index, setIndex }: ChartProps) {
  const [table, setTable] = useState(false);
  const { zone } = usePrefs();
  const bands = useMemo(
    () =>
      panel.lines.map((l, i): Band => ({ name: l.name, values: values(l, now.series, now.step, panel), colour: (panel.kind === 'stack' ? STACK : LINES)[i]! })),
    [now, panel],
  );
  const shadow = useMemo(() => before && aligned(first(panel, before), at.length), [before, panel, at]);
  const open = (i: number) => navigate(link(view, now, panel, at[i]!));
  const loose = preliminary(now);
  const missing = panel.needsFlow && !now.flow;
  return (
    <figure class="panel" data-panel={panel.id}>
      <figcaption>
        <span title={panel.help}><strong>{panel.title}</strong> <small>{panel.unit}</small></span>
        <button type="button" class="link" aria-pressed={table} onClick={() => setTable(!table)}>{table ? 'Chart' : 'Table'}</button>
      </figcaption>
      <p class="reading" aria-live="off">
        {index === null || !now.series[index] ? <Legend panel={panel} bands={bands} shadow={view.compare && shadow ? COMPARES[view.compare] : ''} /> : <Reading view={view} now={now} panel={panel} bands={bands} shadow={shadow} index={index} at={at[index]!} zone={zone} loose={index >= loose} />}
      </p>
      {missing ? (
        <p class="none quiet">There are more calls than could be read, so that those that ran at a time are not counted. Choose a shorter time.</p>
      ) : table ? (
        <Points view={view} now={now} panel={panel} bands={bands} at={at} zone={zone} />
      ) : (
        <TimeChart
          label={`${panel.title} over time: ${bands.map((b) => `${b.name} ${extremes(b.values, panel.decimals)}`).join(', ')}. Left and right choose a point, Enter opens its calls.`}
          kind={panel.kind} at={at} step={now.step} from={from} to={to} bands={bands} loose={loose} {...(shadow ? { before: shadow } : {})}
          scale={{ bottom: panel.bottom ?? 0, least: panel.least, ...(panel.most ? { most: panel.most } : {}) }}
          height={height} index={index} setIndex={setIndex} zoom={zoom} open={open}
        />
      )}
    </figure>
  );
}

// first is what stands for a panel where there is one line: the first, or all of a stack together.
function first(panel: Panel, s: Stats): (number | null)[] {
  return panel.kind === 'stack' ? s.series.map((p) => p.calls) : values(panel.lines[0]!, s.series, s.step, panel);
}

function link(view: View, s: Stats, panel: Panel, at: number, line?: Line): string {
  const [from, to] = cut(at, s.step, micros(s.from)!, micros(s.to)!);
  return callsLink(view, from, to, (line?.drill ?? panel.drill).where);
}

// when names a step: its day where the chart has several, and its times.
function when(at: number, step: number, zone: Zone): string {
  const hm = (us: number) => clock(us, zone).slice(0, 5);
  const day = date(at, zone).slice(5);
  return step >= 86_400 ? day : `${day} ${hm(at)} – ${hm(at + step * 1e6)}`;
}

const text = (v: number | null, decimals: number) => (v === null ? '–' : v.toFixed(decimals));

function Legend({ panel, bands, shadow }: { panel: Panel; bands: Band[]; shadow: string }) {
  const shown = panel.kind === 'stack' ? bands.filter((b) => b.values.some((v) => v)) : bands;
  return (
    <>
      {shown.map((b) => <Key key={b.name} band={b}>{b.name}</Key>)}
      {shadow && <span class="key"><i class="swatch before" />{shadow}</span>}
    </>
  );
}

function Key({ band, children }: { band: Band; children: preact.ComponentChildren }) {
  return <span class="key"><i class="swatch" style={{ background: `var(${band.colour})` }} />{children}</span>;
}

type ReadingProps = { view: View; now: Stats; panel: Panel; bands: Band[]; shadow: (number | null)[] | null; index: number; at: number; zone: Zone; loose: boolean };

// notYet says why a point may still change.
const notYet = (p: Point) => (p.complete ? 'calls that began then may still run' : 'not over yet');

function Reading({ view, now, panel, bands, shadow, index, at, zone, loose }: ReadingProps) {
  const n = panel.drill.count(now.series[index]!);
  const shown = panel.kind === 'stack' ? bands.filter((b) => b.values[index]) : bands;
  return (
    <>
      <span class="quiet">{when(at, now.step, zone)}</span>
      {shown.map((b) => <Key key={b.name} band={b}>{text(b.values[index] ?? null, panel.decimals)}</Key>)}
      {shadow && <span class="key quiet"><i class="swatch before" />{text(shadow[index] ?? null, panel.decimals)}</span>}
      {n > 0 ? <a href={link(view, now, panel, at)} data-opens={n}>{count(n)} {panel.drill.text}</a> : <span class="quiet">none{panel.drill.where && ` ${panel.drill.text}`}</span>}
      {loose && <span class="quiet">{notYet(now.series[index]!)}</span>}
    </>
  );
}

// Points is a chart for those who read or print it, with a link in each row; of a stack, in each figure.
function Points({ view, now, panel, bands, at, zone }: { view: View; now: Stats; panel: Panel; bands: Band[]; at: number[]; zone: Zone }) {
  const loose = preliminary(now);
  const rows = now.series.map((p, i): [Point, number] => [p, i]).filter(([p]) => p.calls > 0 || p.flow?.max).reverse();
  if (rows.length === 0) return <p class="none quiet">No calls.</p>;
  return (
    <div class="points" tabIndex={0} role="region" aria-label={`${panel.title}, as a table`}>
      <table class="data">
        <thead><tr><th>Time</th>{bands.map((b) => <th key={b.name} class="n">{b.name}</th>)}<th class="n">Opens</th></tr></thead>
        <tbody>
          {rows.map(([p, i]) => (
            <tr key={p.at}>
              <td>{when(at[i]!, now.step, zone)}{i >= loose && <small class="quiet"> {notYet(p)}</small>}</td>
              {bands.map((b, k) => {
                const drill = panel.lines[k]!.drill;
                const v = text(b.values[i] ?? null, panel.decimals);
                return <td key={b.name} class="n">{drill && b.values[i] ? <a href={link(view, now, panel, at[i]!, panel.lines[k])} data-opens={drill.count(p)}>{v}</a> : v}</td>;
              })}
              <td class="n">{panel.drill.count(p) > 0 && <a href={link(view, now, panel, at[i]!)} data-opens={panel.drill.count(p)}>{count(panel.drill.count(p))} {panel.drill.text}</a>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function extremes(v: (number | null)[], decimals: number): string {
  const known = v.filter((x): x is number => x !== null);
  return known.length ? `${Math.min(...known).toFixed(decimals)} to ${Math.max(...known).toFixed(decimals)}` : 'not known';
}
