// An alert's definition, with what it would have done beside it.

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { alertsAPI, type Alert, type Options, type Receiver, type Spec } from '../api/alerts';
import { asProblem } from '../api/client';
import type { Problem, Severity } from '../api/types';
import { FINDINGS } from '../pages/filterbar';
import { ProblemBox } from '../ui/bits';
import { PreviewBox } from './preview';
import { blank, BY, SEVERITIES } from './words';

const MINUTE = 60_000;
const WINDOWS = [1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440];
const HOLDS = [0, 1, 2, 5, 10, 15, 30, 60];
const REPEATS = [0, 15, 30, 60, 240, 720, 1440];

const minutes = (n: number) => (n === 0 ? 'at once' : n % 60 === 0 ? `${n / 60} h` : `${n} min`);
const withOwn = (list: number[], ms: number) => (list.includes(ms / MINUTE) ? list : [...list, ms / MINUTE].sort((a, b) => a - b));

interface Props {
  start: Spec & Partial<Alert>;
  options: Options;
  receivers: Receiver[];
  done: (saved: Alert | null) => void;
}

export function AlertEditor({ start, options, receivers, done }: Props) {
  const [a, setA] = useState(start);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const metric = options.metrics.find((m) => m.name === a.metric)!;
  const set = (change: Partial<Spec>) => setA((old) => ({ ...old, ...change }));
  const field = (name: string, e: { currentTarget: HTMLInputElement }) => set({ [name]: e.currentTarget.value } as Partial<Spec>);
  const spec = definition(a);

  useEffect(() => window.scrollTo(0, 0), []);
  const choose = (name: string) => {
    const m = options.metrics.find((x) => x.name === name)!;
    set({
      metric: name, side: m.side, over: null, bound: m.bound ? (name === 'mos_below' ? 3.6 : 1) : null, finding: name === 'finding' ? a.finding || 'one-way-audio' : '',
      match: name === 'share' ? a.match : '', by: m.by.includes(a.by) ? a.by : m.by[0]!, ...(m.sensors ? { where: '', last_week: false } : {}),
      min_calls: m.ratio && !m.sensors ? a.min_calls || blank().min_calls : 0, // a number of calls is one of few calls, too
    });
  };
  const save = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setProblem(null);
    await alertsAPI.save({ ...spec, ...(start.id ? { id: start.id, revision: start.revision! } : {}) }).then(done, (x) => setProblem(asProblem(x)));
    setBusy(false);
  };

  return (
    <form class="alert-editor" onSubmit={save} aria-labelledby="edit-title">
      <div class="panel-head">
        <h1 id="edit-title">{start.id ? 'Change the alert' : 'New alert'}</h1>
        <button type="button" class="quiet-button" onClick={() => done(null)}>Close</button>
      </div>
      <div class="columns">
        <div class="panel fields">
          <Field label="Name"><input name="name" value={a.name} onInput={(e) => field('name', e)} required maxLength={100} autoComplete="off" /></Field>
          <Field label="Figure" more={metric.doc}>
            <select name="metric" value={a.metric} onChange={(e) => choose(e.currentTarget.value)}>
              <optgroup label="Calls">{options.metrics.filter((m) => !m.sensors).map((m) => <option key={m.name} value={m.name}>{m.title}</option>)}</optgroup>
              <optgroup label="Sensors">{options.metrics.filter((m) => m.sensors).map((m) => <option key={m.name} value={m.name}>{m.title}</option>)}</optgroup>
            </select>
          </Field>
          {metric.bound && <Field label={a.metric === 'mos_below' ? 'A MOS is bad below' : 'Loss is bad above, %'}><NumberField name="bound" value={a.bound} set={(bound) => set({ bound })} /></Field>}
          {a.metric === 'finding' && (
            <Field label="Finding">
              <input name="finding" value={a.finding} onInput={(e) => field('finding', e)} list="alert-findings" required spellcheck={false} />
              <datalist id="alert-findings">{FINDINGS.map((f) => <option key={f} value={f} />)}</datalist>
            </Field>
          )}
          {a.metric === 'share' && (
            <Field label="Calls with" more="a condition, such as status:503"><input class="mono" name="match" value={a.match} onInput={(e) => field('match', e)} required spellcheck={false} maxLength={2000} /></Field>
          )}
          {!metric.sensors && (
            <Field label="Of calls with" more="a condition, as in the search; empty: all calls">
              <input class="mono" name="where" value={a.where} onInput={(e) => field('where', e)} placeholder="callee:4202* src:10.0.0.0/8" spellcheck={false} autoComplete="off" maxLength={2000} />
            </Field>
          )}
          {metric.by.length > 1 && (
            <Field label="For">
              <select name="by" value={a.by} onChange={(e) => set({ by: e.currentTarget.value as Spec['by'] })}>{metric.by.map((b) => <option key={b} value={b}>{BY[b]}</option>)}</select>
            </Field>
          )}
          <div class="row">
            <Field label="Fires when it is">
              <select name="side" value={a.side} onChange={(e) => set({ side: e.currentTarget.value as Spec['side'] })}><option value="below">below</option><option value="above">above</option></select>
            </Field>
            <Field label={a.last_week ? '% of last week’s' : `Threshold${metric.unit ? `, ${metric.unit}` : ''}`}><NumberField name="threshold" value={a.threshold} set={(v) => set({ threshold: v ?? 0 })} required /></Field>
            <Field label="Good again at" more={a.over === null ? 'empty: the threshold' : ''}><NumberField name="over" value={a.over} set={(over) => set({ over })} /></Field>
          </div>
          {!metric.sensors && (
            <label class="check"><input type="checkbox" checked={a.last_week} onChange={(e) => set({ last_week: e.currentTarget.checked })} /> compared with the same time a week ago</label>
          )}
          <div class="row">
            {a.metric !== 'sensor_offline' && <Times label="In the last" name="window" list={WINDOWS} ms={a.window_ms} set={(window_ms) => set({ window_ms })} />}
            {!metric.sensors && <Field label="With at least so many calls"><NumberField name="min_calls" value={a.min_calls} set={(v) => set({ min_calls: Math.round(v ?? 0) })} /></Field>}
          </div>
          <div class="row">
            <Times label="Bad for so long before it fires" name="hold" list={HOLDS} ms={a.hold_ms} set={(hold_ms) => set({ hold_ms })} />
            <Times label="Good for so long before it is over" name="resolve" list={HOLDS} ms={a.resolve_ms} set={(resolve_ms) => set({ resolve_ms })} />
          </div>
        </div>
        <div class="side">
          <PreviewBox spec={spec} metric={metric} />
          <div class="panel fields">
            <h2>Who is told</h2>
            {receivers.length === 0 && <p class="quiet">There is no receiver yet: the alert is shown here and nobody is told. Add one under <em>Receivers</em>.</p>}
            <div class="checks">
              {receivers.map((r) => (
                <label key={r.id} class="check">
                  <input type="checkbox" checked={a.receivers.includes(r.id)} onChange={(e) => set({ receivers: e.currentTarget.checked ? [...a.receivers, r.id] : a.receivers.filter((x) => x !== r.id) })} />
                  {r.name} <small class="quiet">{r.kind}</small>
                </label>
              ))}
            </div>
            <div class="row">
              <Field label="Severity">
                <select name="severity" value={a.severity} onChange={(e) => set({ severity: e.currentTarget.value as Severity })}>
                  {Object.entries(SEVERITIES).map(([s, word]) => <option key={s} value={s}>{word}</option>)}
                </select>
              </Field>
              <Times label="Repeated while it fires" name="repeat" list={REPEATS} ms={a.repeat_ms} set={(repeat_ms) => set({ repeat_ms })} zero="never" />
            </div>
            <QuietHours a={a} set={set} />
            <Field label="What to do" more="is in every message">
              <textarea name="note" rows={3} maxLength={1000} value={a.note} onInput={(e) => set({ note: e.currentTarget.value })} />
            </Field>
            <label class="check"><input type="checkbox" name="enabled" checked={a.enabled} onChange={(e) => set({ enabled: e.currentTarget.checked })} /> On</label>
          </div>
        </div>
      </div>
      {problem && <ProblemBox problem={problem} />}
      <div class="buttons">
        <button type="button" onClick={() => done(null)}>Cancel</button>
        <button class="primary" disabled={busy}>{busy ? 'Saving …' : 'Save'}</button>
      </div>
    </form>
  );
}

// definition leaves out what is not of the definition.
function definition(a: Spec & Partial<Alert>): Spec {
  const { id: _id, revision: _r, author: _a, changed: _c, condition: _t, problem: _p, state: _s, ...spec } = a;
  return spec;
}

function Field({ label, more, children }: { label: string; more?: string; children: ComponentChildren }) {
  return (
    <label class="field">
      <span>{label}{more && <small class="quiet"> {more}</small>}</span>
      {children}
    </label>
  );
}

function NumberField({ name, value, set, required }: { name: string; value: number | null; set: (v: number | null) => void; required?: boolean }) {
  const [text, setText] = useState(value === null ? '' : String(value));
  useEffect(() => {
    if ((text === '' ? null : Number(text)) !== value) setText(value === null ? '' : String(value));
  }, [value]);
  return (
    <input
      name={name} type="number" step="any" inputMode="decimal" value={text} required={required}
      onInput={(e) => {
        setText(e.currentTarget.value);
        set(e.currentTarget.value === '' || Number.isNaN(e.currentTarget.valueAsNumber) ? null : e.currentTarget.valueAsNumber);
      }}
    />
  );
}

function Times({ label, name, list, ms, set, zero }: { label: string; name: string; list: number[]; ms: number; set: (ms: number) => void; zero?: string }) {
  return (
    <Field label={label}>
      <select name={name} value={ms / MINUTE} onChange={(e) => set(Number(e.currentTarget.value) * MINUTE)}>
        {withOwn(list, ms).map((n) => <option key={n} value={n}>{n === 0 && zero ? zero : minutes(n)}</option>)}
      </select>
    </Field>
  );
}

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

function QuietHours({ a, set }: { a: Spec; set: (c: Partial<Spec>) => void }) {
  const q = a.quiet;
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
  const change = (c: Partial<NonNullable<Spec['quiet']>>) => set({ quiet: { ...q!, ...c } });
  return (
    <fieldset class="quiet-hours">
      <label class="check"><input type="checkbox" checked={q !== null} onChange={(e) => set({ quiet: e.currentTarget.checked ? { zone: here, from: '22:00', to: '07:00', days: [] } : null })} /> Quiet hours <small class="quiet">what still fires at their end is told then</small></label>
      {q && (
        <>
          <div class="row">
            <Field label="From"><input name="quiet-from" value={q.from} onInput={(e) => change({ from: e.currentTarget.value })} pattern="\d\d:\d\d" placeholder="22:00" required /></Field>
            <Field label="To"><input name="quiet-to" value={q.to} onInput={(e) => change({ to: e.currentTarget.value })} pattern="\d\d:\d\d" placeholder="07:00" required /></Field>
            <Field label="Zone"><input name="quiet-zone" value={q.zone} onInput={(e) => change({ zone: e.currentTarget.value })} required spellcheck={false} /></Field>
          </div>
          <div class="checks" role="group" aria-label="Days on which quiet hours begin; none: every day">
            {DAYS.map((d) => (
              <label key={d} class="check"><input type="checkbox" checked={q.days.includes(d)} onChange={(e) => change({ days: DAYS.filter((x) => (x === d ? e.currentTarget.checked : q.days.includes(x))) })} /> {d}</label>
            ))}
          </div>
        </>
      )}
    </fieldset>
  );
}
