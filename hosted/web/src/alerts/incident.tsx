// An incident: what was bad how long, who was told, who sees to it.

import { useEffect, useState } from 'preact/hooks';
import { alertsAPI, type Incident, type Metric, type Message, type Options } from '../api/alerts';
import { asProblem } from '../api/client';
import type { Problem } from '../api/types';
import { micros } from '../time';
import { Moment, Pill, ProblemBox, SeverityIcon, useNow } from '../ui/bits';
import { SilenceForm } from './silences';
import { ending, EVENTS, figure, span } from './words';

interface Props {
  id: string;
  options: Options;
  metric: (alert: number) => { metric: Metric | undefined; lastWeek: boolean };
  changed: () => void;
  close: () => void;
}

export function IncidentBox({ id, options, metric, changed, close }: Props) {
  const [i, setI] = useState<Incident | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [silencing, setSilencing] = useState(false);
  const [note, setNote] = useState('');
  const now = useNow(10_000);
  const load = () => alertsAPI.incident(id).then(setI, (e) => setProblem(asProblem(e)));
  useEffect(() => {
    setI(null);
    setProblem(null);
    void load();
  }, [id]);
  if (problem) return <div class="panel"><ProblemBox problem={problem} retry={() => { setProblem(null); void load(); }} /><p><button type="button" onClick={close}>Close</button></p></div>;
  if (!i) return null;
  const { metric: m, lastWeek } = metric(i.alert);
  const lasts = i.ended === null;
  const acknowledge = () => alertsAPI.acknowledge(i.id, note.trim()).then((x) => { setI(x); changed(); }, (e) => setProblem(asProblem(e)));
  return (
    <section class={`panel incident ${lasts ? i.severity : 'over'}`} aria-labelledby="incident-title" data-incident={i.id}>
      <div class="panel-head">
        <h2 id="incident-title"><SeverityIcon severity={i.severity} /> {i.name}</h2>
        <Pill tone={lasts ? 'bad' : 'ok'}>{lasts ? 'firing' : ending(i)}</Pill>
        <button type="button" class="quiet-button" onClick={close}>Close</button>
      </div>
      <p>
        Since <Moment t={i.started} />{i.ended && <> until <Moment t={i.ended} /></>}, {span(((micros(i.ended) ?? now) - micros(i.started)!) / 1000)}.{' '}
        {i.acknowledged_by && <>{i.acknowledged_by} sees to it since <Moment t={i.acknowledged ?? null} />{i.acknowledged_note && <>: {i.acknowledged_note}</>}.</>}
        {i.told === null && (i.silenced ? ' Nobody was told: it is silenced.' : i.quiet ? ' Nobody was told: quiet hours.' : '')}
      </p>
      <div class="scroll" tabIndex={0} role="group" aria-label="What was bad">
        <table class="data">
          <thead><tr><th>What</th><th class="n">Last</th><th class="n">Worst</th><th class="n">Calls</th><th>Since</th><th>Until</th><th><span class="sr">Link</span></th></tr></thead>
          <tbody>
            {i.keys.map((k) => (
              <tr key={k.key}>
                <td>{k.label || 'all together'}</td><td class="n">{figure(k.last, m, lastWeek)}</td><td class="n">{figure(k.worst, m, lastWeek)}</td><td class="n">{k.calls || ''}</td>
                <td><Moment t={k.started} /></td><td>{k.ended ? <Moment t={k.ended} /> : ''}</td><td>{k.link && <a href={k.link}>The calls</a>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {i.more > 0 && <p class="quiet">and {i.more} more</p>}
      {lasts && options.may_answer && !silencing && (
        <form class="answer" onSubmit={(e) => { e.preventDefault(); void acknowledge(); }}>
          {!i.acknowledged_by && (
            <>
              <input aria-label="Note" placeholder="note, if any" maxLength={200} value={note} onInput={(e) => setNote(e.currentTarget.value)} />
              <button class="primary">Acknowledge</button>
            </>
          )}
          <button type="button" onClick={() => setSilencing(true)}>Silence …</button>
        </form>
      )}
      {silencing && <SilenceForm alert={i.alert} name={i.name} done={() => { setSilencing(false); changed(); }} />}
      <Messages list={i.messages ?? []} />
    </section>
  );
}

function Messages({ list }: { list: Message[] }) {
  if (list.length === 0) return <p class="quiet">No message was sent about it.</p>;
  return (
    <details open>
      <summary>{list.length === 1 ? 'One message' : `${list.length} messages`}</summary>
      <div class="scroll" tabIndex={0} role="group" aria-label="Messages">
        <table class="data">
          <thead><tr><th>To</th><th>Says that it</th><th>At</th><th>Delivered</th><th>Attempts</th></tr></thead>
          <tbody>
            {list.map((m, n) => (
              <tr key={n}>
                <td>{m.receiver}</td><td>{EVENTS[m.event] ?? m.event}</td><td><Moment t={m.created} /></td>
                <td>{m.delivered ? <Moment t={m.delivered} /> : m.next ? <Pill tone="warn">tried again</Pill> : <Pill tone="bad">given up</Pill>}</td>
                <td class="what">{m.attempts.map((a) => <div key={a.at}>{a.result} <small class="quiet">{a.took_ms} ms</small></div>)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
