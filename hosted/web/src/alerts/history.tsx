// When alerts fired.

import { useEffect, useState } from 'preact/hooks';
import { alertsAPI, type Alert, type Incident } from '../api/alerts';
import { asProblem } from '../api/client';
import type { Problem } from '../api/types';
import { micros } from '../time';
import { Moment, Pill, ProblemBox, SeverityIcon, useNow } from '../ui/bits';
import { ending, span } from './words';

const PAGE = 50;

export function History({ alerts, stamp, chosen }: { alerts: Alert[]; stamp: number; chosen: string }) {
  const [of, setOf] = useState(0);
  const [list, setList] = useState<Incident[] | null>(null);
  const [next, setNext] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const now = useNow(10_000);
  const load = (after: string, before: Incident[]) =>
    alertsAPI.history(new URLSearchParams({ limit: String(PAGE), ...(of ? { alert: String(of) } : {}), ...(after ? { after } : {}) })).then(
      (p) => {
        setList([...before, ...p.incidents]);
        setNext(p.next);
        setProblem(null);
      },
      (e) => setProblem(asProblem(e)),
    );
  useEffect(() => void load('', []), [of, stamp]);
  return (
    <section class="panel" aria-labelledby="history-title">
      <div class="panel-head">
        <h2 id="history-title">History</h2>
        <select aria-label="Of the alert" value={of} onChange={(e) => setOf(Number(e.currentTarget.value))}>
          <option value={0}>all alerts</option>
          {alerts.map((a) => <option key={a.id} value={a.id}>{a.name}</option>)}
        </select>
      </div>
      {problem && <ProblemBox problem={problem} retry={() => void load('', [])} />}
      {list?.length === 0 && <p class="quiet">Nothing has fired. What does is kept for 90 days.</p>}
      {list && list.length > 0 && (
        <table class="data cards history">
          <thead><tr><th>Alert</th><th>Began</th><th class="n">Lasted</th><th>End</th><th>What</th><th>Seen to by</th></tr></thead>
          <tbody>
            {list.map((i) => (
              <tr key={i.id} class={i.id === chosen ? 'chosen' : ''}>
                <td data-label="Alert"><SeverityIcon severity={i.severity} /> <a href={`/alerts?incident=${encodeURIComponent(i.id)}`}>{i.name}</a></td>
                <td data-label="Began"><Moment t={i.started} /></td>
                <td data-label="Lasted" class="n">{span(((micros(i.ended) ?? now) - micros(i.started)!) / 1000)}</td>
                <td data-label="End"><Pill tone={i.ended ? (i.end === 'over' ? 'ok' : 'quiet') : 'bad'}>{i.ended ? ending(i) : 'firing'}</Pill></td>
                <td data-label="What" class="what">{keysText(i)}</td>
                <td data-label="Seen to by">{i.acknowledged_by}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {next && <p class="tail quiet"><button type="button" class="link" onClick={() => load(next, list ?? [])}>Load more</button></p>}
    </section>
  );
}

function keysText(i: Incident): string {
  const labels = i.keys.map((k) => k.label).filter(Boolean);
  const more = i.keys.length + i.more - 3;
  return labels.slice(0, 3).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
