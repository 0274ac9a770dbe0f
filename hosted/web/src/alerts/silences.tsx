// Silences: until when nobody is told, by whom, why.

import { useState } from 'preact/hooks';
import { alertsAPI, type Alert, type Silence } from '../api/alerts';
import { asProblem } from '../api/client';
import type { Problem } from '../api/types';
import { rfc3339 } from '../time';
import { Moment, ProblemBox } from '../ui/bits';

const HOURS = [1, 2, 4, 8, 24, 72, 168];

export function SilenceForm({ alert, name, done }: { alert: number; name: string; done: () => void }) {
  const [hours, setHours] = useState(2);
  const [reason, setReason] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const send = (e: Event) => {
    e.preventDefault();
    alertsAPI.silence(alert, rfc3339((Date.now() + hours * 3_600_000) * 1000), reason.trim()).then(done, (x) => setProblem(asProblem(x)));
  };
  return (
    <form class="answer" onSubmit={send} aria-label={`Silence ${name}`}>
      <span>Silence {name} for</span>
      <select aria-label="For how long" value={hours} onChange={(e) => setHours(Number(e.currentTarget.value))}>{HOURS.map((h) => <option key={h} value={h}>{h < 24 ? `${h} h` : `${h / 24} d`}</option>)}</select>
      <input aria-label="Reason" placeholder="why" maxLength={200} value={reason} onInput={(e) => setReason(e.currentTarget.value)} autoFocus />
      <button class="primary">Silence</button>
      <button type="button" onClick={done}>Cancel</button>
      {problem && <ProblemBox problem={problem} />}
    </form>
  );
}

export function Silences({ list, alerts, mayAnswer, changed }: { list: Silence[]; alerts: Alert[]; mayAnswer: boolean; changed: () => void }) {
  const [adding, setAdding] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const nameOf = (n: number) => (n === 0 ? 'all alerts' : (alerts.find((a) => a.id === n)?.name ?? 'an alert that is gone'));
  return (
    <section class="panel" aria-labelledby="silences-title">
      <div class="panel-head">
        <h2 id="silences-title">Silences</h2>
        {mayAnswer && !adding && <button type="button" onClick={() => setAdding(true)}>Silence all …</button>}
      </div>
      {adding && <SilenceForm alert={0} name="all alerts" done={() => { setAdding(false); changed(); }} />}
      {problem && <ProblemBox problem={problem} />}
      {list.length === 0 && !adding && <p class="quiet">None. What is silenced is evaluated all the same; what still fires at its end is told then.</p>}
      <ul class="rows">
        {list.map((s) => (
          <li key={s.id}>
            <div><strong>{nameOf(s.alert)}</strong> until <Moment t={s.to} /> <span class="quiet">by {s.author}{s.reason && `: ${s.reason}`}</span></div>
            {mayAnswer && <button type="button" onClick={() => alertsAPI.endSilence(s.id).then(changed, (e) => setProblem(asProblem(e)))} aria-label={`End the silence of ${nameOf(s.alert)}`}>End</button>}
          </li>
        ))}
      </ul>
    </section>
  );
}
