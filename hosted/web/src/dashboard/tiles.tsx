// The figures of the whole time, each a link to the calls behind it.

import type { Flow, Measures, Stats } from '../api/stats';
import { count, duration, interval, mos, NONE, percent } from '../format';
import { micros } from '../time';
import { ALL, BAD_MOS, BEGUN, callsLink, COMPARES, CONNECTED, DIALLED, FOUND, LOSSY, UNANSWERED, type Drill, type View } from './view';

interface Tile {
  name: string;
  title: string; // the name in full
  value: (m: Measures, f: Flow | null) => string;
  more?: (m: Measures, f: Flow | null) => string;
  drill: Drill;
}

const ratio = (v: number | null) => (v === null ? NONE : `${v.toFixed(1)} %`);
const part = (n: number, of: number) => (of ? percent((100 * n) / of) : NONE);

const TILES: Tile[] = [
  { name: 'Calls', title: 'calls that ended', value: (m) => count(m.calls), more: (m) => `${count(m.connected)} answered`, drill: ALL },
  { name: 'ASR', title: 'answer-seizure ratio (ITU-T E.411)', value: (m) => ratio(m.asr), more: (m) => `${count(m.attempts)} attempts`, drill: UNANSWERED },
  { name: 'NER', title: 'network effectiveness ratio (ITU-T E.425)', value: (m) => ratio(m.ner), more: (m) => `${count(m.attempts - m.effective)} not through`, drill: UNANSWERED },
  { name: 'ACD', title: 'average call duration, answer to end', value: (m) => duration(m.duration_ms.mean), more: (m) => `${count(m.short)} below 10 s`, drill: CONNECTED },
  { name: 'PDD p95', title: 'post-dial delay that 95 in a hundred calls do not exceed', value: (m) => interval(m.pdd_ms.p95), more: (m) => `median ${interval(m.pdd_ms.p50)}`, drill: DIALLED },
  { name: 'MOS', title: 'mean of the calls’ worst streams (ITU-T G.107)', value: (m) => mos(m.mos.mean), more: (m) => `${part(m.mos.bad, m.mos.calls)} below 3.6`, drill: BAD_MOS },
  { name: 'Loss', title: 'mean loss of the calls’ worst streams; lossy are those with 1 % or more', value: (m) => percent(m.loss_pct.mean), more: (m) => `${part(m.loss_pct.high, m.loss_pct.calls)} lossy`, drill: LOSSY },
  { name: 'Concurrent', title: 'most calls at a time', value: (_m, f) => (f ? count(f.max) : NONE), more: (_m, f) => (f ? `mean ${f.mean.toFixed(f.mean < 10 ? 1 : 0)}` : 'not all were read'), drill: BEGUN },
  { name: 'CPS', title: 'calls that began a second, in the busiest ten seconds', value: (_m, f) => (f ? String(f.peak_cps) : NONE), more: (_m, f) => (f ? 'busiest 10 s' : 'not all were read'), drill: BEGUN },
  { name: 'Findings', title: 'calls with a finding', value: (m) => count(m.with_finding), more: (m) => `${part(m.with_finding, m.calls)} of the calls`, drill: FOUND },
];

export function Tiles({ view, now, before }: { view: View; now: Stats; before: Stats | null }) {
  const from = micros(now.from)!;
  const to = micros(now.to)!;
  return (
    <ul class="tiles">
      {TILES.map((t) => {
        const n = t.drill.count(now.totals);
        return (
          <li key={t.name}>
            <a href={callsLink(view, from, to, t.drill.where)} title={`${t.title}; opens ${count(n)} ${t.drill.text}`} data-tile={t.name} data-opens={n}>
              <span class="name">{t.name}</span>
              <strong>{t.value(now.totals, now.flow)}</strong>
              <small>{t.more?.(now.totals, now.flow)}</small>
              {before && view.compare && <small title={`the ${COMPARES[view.compare]}`}>was {t.value(before.totals, before.flow)}</small>}
            </a>
          </li>
        );
      })}
    </ul>
  );
}
