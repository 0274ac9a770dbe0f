// Where it is bad: the calls by where they come from, go to, end; each row a link to its calls.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { aborted, asProblem } from '../api/client';
import { stats, type Dimension, type Group, type Stats } from '../api/stats';
import type { Problem } from '../api/types';
import { count, duration, interval, mos, percent, plural } from '../format';
import { micros } from '../time';
import { ProblemBox } from '../ui/bits';
import { status as statusWord } from '../words';
import { callsLink, statsQuery, type View } from './view';

const DIMENSIONS: [Dimension, string][] = [
  ['src', 'Source'], ['dst', 'Destination'], ['prefix', 'Prefix'], ['status', 'Status'], ['finding', 'Finding'], ['ua', 'User agent'], ['sensor', 'Sensor'], ['codec', 'Codec'],
];

// What has few calls says little: it comes last when rows are sorted by a ratio.
const FEW = 10;
const SHOWN = 12;

interface Column {
  name: string;
  title: string;
  show: (g: Group) => string;
  rank: (g: Group) => number | null; // the greater, the worse
  of?: (g: Group) => number; // how many calls the figure is of
}

const COLUMNS: Column[] = [
  { name: 'Calls', title: 'calls', show: (g) => count(g.calls), rank: (g) => g.calls },
  { name: 'ASR', title: 'answer-seizure ratio', show: (g) => (g.asr === null ? '–' : `${g.asr.toFixed(1)} %`), rank: (g) => (g.asr === null ? null : -g.asr), of: (g) => g.attempts },
  { name: 'NER', title: 'network effectiveness ratio', show: (g) => (g.ner === null ? '–' : `${g.ner.toFixed(1)} %`), rank: (g) => (g.ner === null ? null : -g.ner), of: (g) => g.attempts },
  { name: 'ACD', title: 'average call duration', show: (g) => duration(g.duration_ms.mean), rank: (g) => (g.duration_ms.mean === null ? null : -g.duration_ms.mean), of: (g) => g.connected },
  { name: 'PDD p95', title: 'post-dial delay that 95 in a hundred do not exceed', show: (g) => interval(g.pdd_ms.p95), rank: (g) => g.pdd_ms.p95, of: (g) => g.pdd_ms.calls },
  { name: 'MOS', title: 'mean MOS', show: (g) => mos(g.mos.mean), rank: (g) => (g.mos.mean === null ? null : -g.mos.mean), of: (g) => g.mos.calls },
  { name: 'Bad MOS', title: 'calls with a MOS below 3.6', show: (g) => count(g.mos.bad), rank: (g) => g.mos.bad },
  { name: 'Loss', title: 'mean loss', show: (g) => percent(g.loss_pct.mean), rank: (g) => g.loss_pct.mean, of: (g) => g.loss_pct.calls },
  { name: 'Findings', title: 'calls with a finding', show: (g) => count(g.with_finding), rank: (g) => g.with_finding },
];

export function Worst({ view, from, to, version }: { view: View; from: number; to: number; version: unknown }) {
  const [by, setBy] = useState<Dimension>('src');
  const [sort, setSort] = useState('Calls');
  const [all, setAll] = useState(false);
  const [got, setGot] = useState<(Stats & { whole: boolean }) | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [whole, setWhole] = useState(''); // what is counted to the end, however long it takes
  const tabs = useRef<HTMLDivElement>(null);
  const asked = `${by} ${view.span || `${from} ${to}`} ${view.where} ${view.sensor}`;
  const exact = whole === asked; // is not counted anew while the page renews itself
  useEffect(() => {
    const control = new AbortController();
    stats(statsQuery(view, from, to, { by, top: '200', ...(exact ? { exact: '1' } : {}) }), control.signal).then(
      (s) => {
        setGot({ ...s, whole: exact });
        setProblem(null);
      },
      (e) => aborted(e) || setProblem(asProblem(e)),
    );
    return () => control.abort();
  }, [by, from, exact ? 0 : to, exact ? 0 : version, exact]);

  const mine = got?.by === by ? got : null;
  const bare = mine?.source === 'rollups' && by !== 'sensor'; // only how many calls is known
  const columns = bare ? COLUMNS.slice(0, 1) : COLUMNS;
  const rows = useMemo(() => order(mine?.groups ?? [], COLUMNS.find((c) => c.name === sort) ?? COLUMNS[0]!), [mine, sort]);
  const choose = (e: KeyboardEvent) => {
    const step = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
    if (!step) return;
    const i = (DIMENSIONS.findIndex(([d]) => d === by) + step + DIMENSIONS.length) % DIMENSIONS.length;
    setBy(DIMENSIONS[i]![0]);
    tabs.current?.querySelectorAll<HTMLElement>('[role=tab]')[i]?.focus();
    e.preventDefault();
  };
  return (
    <section class="panel worst" aria-labelledby="worst-title">
      <div class="panel-head">
        <h2 id="worst-title">Calls by</h2>
        <div ref={tabs} class="tabs" role="tablist" aria-labelledby="worst-title" onKeyDown={choose}>
          {DIMENSIONS.map(([d, word]) => <button key={d} type="button" role="tab" aria-selected={d === by} tabIndex={d === by ? 0 : -1} aria-controls="worst-table" onClick={() => setBy(d)}>{word}</button>)}
        </div>
      </div>
      {problem && <ProblemBox problem={problem} />}
      <div id="worst-table" role="tabpanel" aria-label={DIMENSIONS.find(([d]) => d === by)![1]}>
        {mine && rows.length === 0 && <p class="quiet">No calls in this time{by === 'finding' || by === 'codec' ? ` have a ${by}` : ''}.</p>}
        {mine && rows.length > 0 && (
          <div class="scroll" tabIndex={0} role="region" aria-label="Groups">
            <table class="data">
              <thead>
                <tr>
                  <th>{DIMENSIONS.find(([d]) => d === by)![1]}</th>
                  {columns.map((c) => (
                    <th key={c.name} class="n" aria-sort={c.name === sort ? 'descending' : undefined}>
                      <button type="button" class="link" title={`${c.title}: the worst first${c.of ? `, fewer than ${FEW} calls last` : ''}`} onClick={() => setSort(c.name)}>{c.name}{c.name === sort ? ' ↓' : ''}</button>
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {(all ? rows : rows.slice(0, SHOWN)).map((g) => (
                  <tr key={g.key}>
                    <td class="key" title={g.key}>
                      {g.where ? <a href={callsLink(view, micros(mine.from)!, micros(mine.to)!, g.where)} data-opens={g.calls}>{label(by, g.key)}</a> : <span class="quiet">{label(by, g.key)}</span>}
                    </td>
                    {columns.map((c) => <td key={c.name} class="n">{c.show(g)}</td>)}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {rows.length > SHOWN && <p><button type="button" class="link" onClick={() => setAll(!all)}>{all ? 'Show fewer' : `Show all ${count(rows.length)}`}</button></p>}
        {!!mine?.others && <p class="quiet">{plural(mine.others, 'call')} more in groups with fewer calls.</p>}
        {mine?.partial && (
          <p class="quiet">
            Only the newest calls were counted for this table: {count(mine.read)} were read, back to {mine.from.slice(0, 16).replace('T', ' ')} UTC.{' '}
            {exact && !mine.whole ? 'Counting all; this can take minutes …' : mine.whole ? 'That is as far as five minutes go: choose a shorter time.' : <button type="button" class="link" onClick={() => setWhole(asked)}>Count all</button>}
          </p>
        )}
        {bare && <p class="quiet">With a condition above, this table has all figures.</p>}
      </div>
    </section>
  );
}

// order puts the worst first; groups with few calls come last where the figure is a ratio.
export function order(groups: Group[], by: Column): Group[] {
  const weight = (g: Group) => {
    const rank = by.rank(g);
    return rank === null ? [2, 0] : [by.of && by.of(g) < FEW ? 1 : 0, -rank];
  };
  return [...groups].sort((a, b) => {
    const [a1, a2] = weight(a) as [number, number];
    const [b1, b2] = weight(b) as [number, number];
    return a1 - b1 || a2 - b2 || b.calls - a.calls || (a.key < b.key ? -1 : 1);
  });
}
export { COLUMNS };

function label(by: Dimension, key: string): string {
  if (key === '') return 'none';
  switch (by) {
    case 'status': return statusWord(Number(key));
    case 'prefix': return `${key}…`;
    case 'sensor': return `Sensor ${key}`;
    default: return key;
  }
}
