// Alerts: what fires now, all definitions with their state, who is told, silences, and what has been.

import { useCallback, useEffect, useState } from 'preact/hooks';
import { alertsAPI, type Alert, type Options, type Receiver, type Silence, type Spec } from '../api/alerts';
import { asProblem } from '../api/client';
import type { Problem } from '../api/types';
import { AlertEditor } from '../alerts/editor';
import { History } from '../alerts/history';
import { IncidentBox } from '../alerts/incident';
import { Receivers } from '../alerts/receivers';
import { SilenceForm, Silences } from '../alerts/silences';
import { Spark } from '../alerts/spark';
import { blank, figure, PHASES } from '../alerts/words';
import { navigate } from '../router';
import { Ago, Moment, Pill, ProblemBox, SeverityIcon, useTitle } from '../ui/bits';
import '../style/alerts.css';

const EVERY = 15_000; // ms between two looks at how they stand

interface Loaded {
  alerts: Alert[];
  receivers: Receiver[];
  silences: Silence[];
  options: Options;
}

export function AlertsPage({ query }: { query: string }) {
  const params = new URLSearchParams(query);
  const [all, setAll] = useState<Loaded | null>(null);
  const [stamp, setStamp] = useState(0); // counts up when something has changed
  const [problem, setProblem] = useState<Problem | null>(null);
  const [editing, setEditing] = useState<(Spec & Partial<Alert>) | null>(null);
  const [said, setSaid] = useState('');
  useTitle('Alerts');

  const load = useCallback(async () => {
    try {
      const [alerts, receivers, silences, options] = await Promise.all([alertsAPI.list(), alertsAPI.receivers(), alertsAPI.silences(), alertsAPI.options()]);
      setAll({ alerts, receivers, silences, options });
      setProblem(null);
    } catch (e) {
      setProblem(asProblem(e));
    }
  }, []);
  useEffect(() => {
    window.scrollTo(0, 0);
    void load();
    const t = setInterval(() => !document.hidden && void load(), EVERY);
    return () => clearInterval(t);
  }, [load]);
  const changed = () => {
    void load();
    setStamp((n) => n + 1);
    window.dispatchEvent(new Event('alerts'));
  };

  if (!all) return <div class="page">{problem && <ProblemBox problem={problem} retry={() => void load()} />}</div>;
  const metricOf = (n: number) => {
    const a = all.alerts.find((x) => x.id === n);
    return { metric: all.options.metrics.find((m) => m.name === a?.metric), lastWeek: a?.last_week ?? false };
  };
  if (editing) {
    return (
      <div class="page alerts">
        <AlertEditor
          start={editing} options={all.options} receivers={all.receivers}
          done={(saved) => {
            setEditing(null);
            if (!saved) return;
            setSaid(`${saved.name} is saved.`);
            changed();
          }}
        />
      </div>
    );
  }
  const incident = params.get('incident') ?? '';
  return (
    <div class="page alerts">
      <div class="panel-head">
        <h1>Alerts</h1>
        {all.options.may_change && <button type="button" class="primary" onClick={() => setEditing(blank())}>New alert</button>}
      </div>
      {problem && <ProblemBox problem={problem} retry={() => void load()} />}
      <p class="sr" role="status">{said}</p>
      {incident && <IncidentBox id={incident} options={all.options} metric={metricOf} changed={changed} close={() => navigate('/alerts')} />}
      {all.alerts.length > 0 ? <List all={all} edit={setEditing} changed={changed} fail={setProblem} /> : <p class="panel quiet">No alert yet. {all.options.may_change ? 'Take one of those below, or write your own.' : 'Who has the right “rules” can make one; you see here what it finds.'}</p>}
      {all.options.may_change && <Templates options={all.options} alerts={all.alerts} use={(s) => setEditing({ ...s, enabled: true, receivers: all.receivers.length === 1 ? [all.receivers[0]!.id] : [] })} />}
      <div class="pair">
        <Receivers list={all.receivers} options={all.options} changed={changed} />
        <Silences list={all.silences} alerts={all.alerts} mayAnswer={all.options.may_answer} changed={changed} />
      </div>
      <History alerts={all.alerts} stamp={stamp} chosen={incident} />
    </div>
  );
}

function List({ all, edit, changed, fail }: { all: Loaded; edit: (a: Alert) => void; changed: () => void; fail: (p: Problem) => void }) {
  const [silencing, setSilencing] = useState(0);
  const [asked, setAsked] = useState(0);
  const [tested, setTested] = useState<{ id: number; text: string } | null>(null);
  const may = all.options.may_change;
  const flip = (a: Alert) => {
    const { author: _a, changed: _c, condition: _t, problem: _p, state: _s, ...spec } = a;
    alertsAPI.save({ ...spec, enabled: !a.enabled }).then(changed, (e) => fail(asProblem(e)));
  };
  const test = (a: Alert) => {
    setTested({ id: a.id, text: 'Testing …' });
    alertsAPI.test(a.id).then(
      (list) => setTested({ id: a.id, text: list.length === 0 ? 'Nobody is told by this alert.' : list.map((t) => `${t.name}: ${t.error || 'delivered'}`).join('; ') }),
      (e) => setTested({ id: a.id, text: asProblem(e).title }),
    );
  };
  return (
    <table class="data cards alert-list">
      <thead><tr><th>State</th><th>Alert</th><th class="n">Now</th><th>Last hour</th><th>Tells</th><th><span class="sr">Actions</span></th></tr></thead>
      <tbody>
        {all.alerts.map((a) => {
          const m = all.options.metrics.find((x) => x.name === a.metric);
          const [word, tone] = PHASES[a.state.phase];
          const worst = a.state.keys[0];
          return (
            <tr key={a.id} data-alert={a.name} data-phase={a.state.phase}>
              <td data-label="State">
                {a.state.incident ? <a href={`/alerts?incident=${encodeURIComponent(a.state.incident)}`}><Pill tone={tone}>{word}</Pill></a> : <Pill tone={tone}>{word}</Pill>}
                {a.state.since && <div class="quiet"><Ago t={a.state.since} /></div>}
                {a.state.silenced && <div class="quiet" title="silenced">until <Moment t={a.state.silenced} /></div>}
              </td>
              <td data-label="Alert" class="what">
                <SeverityIcon severity={a.severity} /> <strong>{a.name}</strong>
                <div class="quiet">{a.condition}</div>
                {a.problem && <div class="wrong">Is not evaluated: {a.problem}</div>}
                {tested?.id === a.id && <div role="status">{tested.text}</div>}
                {silencing === a.id && <SilenceForm alert={a.id} name={a.name} done={() => { setSilencing(0); changed(); }} />}
                {asked === a.id && (
                  <div class="answer" role="group" aria-label={`Remove ${a.name}?`}>
                    <span>Its history stays.</span>
                    <button type="button" class="danger" onClick={() => alertsAPI.remove(a.id).then(() => { setAsked(0); changed(); }, (e) => fail(asProblem(e)))}>Remove</button>
                    <button type="button" onClick={() => setAsked(0)}>Keep</button>
                  </div>
                )}
              </td>
              <td data-label="Now" class="n">
                {worst && worst.phase !== 'no-data' ? figure(worst.value, m, a.last_week) : '–'}
                {worst?.key && worst.phase !== 'no-data' && <div class="quiet">{a.by === 'sensor' ? `sensor ${worst.key}` : worst.key}</div>}
              </td>
              <td data-label="Last hour"><Spark points={a.state.points} threshold={a.threshold} width={120} height={32} label={`${a.name} in the last hour`} /></td>
              <td data-label="Tells" class="what">{a.receivers.map((r) => all.receivers.find((x) => x.id === r)?.name).filter(Boolean).join(', ') || <span class="quiet">nobody</span>}</td>
              <td class="act">
                {all.options.may_answer && a.enabled && <button type="button" onClick={() => setSilencing(a.id)} aria-label={`Silence ${a.name}`}>Silence</button>}{' '}
                {may && (
                  <>
                    <button type="button" onClick={() => edit(a)} aria-label={`Change ${a.name}`}>Change</button>{' '}
                    <button type="button" onClick={() => test(a)} aria-label={`Test ${a.name}`}>Test</button>{' '}
                    <button type="button" aria-pressed={a.enabled} onClick={() => flip(a)} aria-label={`${a.name} is on`}>{a.enabled ? 'On' : 'Off'}</button>{' '}
                    <button type="button" class="danger" onClick={() => setAsked(a.id)} aria-label={`Remove ${a.name}`}>Remove</button>
                  </>
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Templates({ options, alerts, use }: { options: Options; alerts: Alert[]; use: (s: Spec) => void }) {
  const list = options.templates.filter((t) => !alerts.some((a) => a.name === t.name));
  if (list.length === 0) return null;
  return (
    <details class="panel templates" open={alerts.length === 0}>
      <summary>Ready-made alerts</summary>
      <ul class="rows">
        {list.map((t) => (
          <li key={t.name}>
            <div><SeverityIcon severity={t.severity} /> <strong>{t.name}</strong> <span class="quiet">{t.note}</span></div>
            <button type="button" onClick={() => use(t)} aria-label={`Use ${t.name}`}>Use …</button>
          </li>
        ))}
      </ul>
    </details>
  );
}
