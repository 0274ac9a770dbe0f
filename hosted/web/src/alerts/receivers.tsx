// Receivers: who is told, and how.

import { useState } from 'preact/hooks';
import { alertsAPI, type Kind, type Options, type Receiver, type ReceiverSpec } from '../api/alerts';
import { asProblem } from '../api/client';
import type { Problem } from '../api/types';
import { Pill, ProblemBox } from '../ui/bits';

const KINDS: Record<Kind, [string, string]> = {
  mail: ['Mail', ''],
  slack: ['Slack, Mattermost', 'the URL of an incoming webhook; Rocket.Chat and Google Chat understand it as well'],
  teams: ['Microsoft Teams', 'the URL of a workflow “when a webhook request is received”'],
  webhook: ['Webhook', 'JSON, as docs/alerts.md describes it'],
};

export function Receivers({ list, options, changed }: { list: Receiver[]; options: Options; changed: () => void }) {
  const [editing, setEditing] = useState<Receiver | 'new' | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [said, setSaid] = useState<{ id: number; error: string } | null>(null);
  const [busy, setBusy] = useState(0);
  const test = async (r: Receiver) => {
    setBusy(r.id);
    setSaid(null);
    setProblem(null);
    await alertsAPI.testReceiver(r.id).then((t) => setSaid({ id: r.id, error: t.error }), (e) => setProblem(asProblem(e)));
    setBusy(0);
  };
  return (
    <section class="panel" aria-labelledby="receivers-title">
      <div class="panel-head">
        <h2 id="receivers-title">Receivers</h2>
        {options.may_change && !editing && <button type="button" onClick={() => setEditing('new')}>Add a receiver</button>}
      </div>
      {editing && <ReceiverForm start={editing === 'new' ? null : editing} options={options} done={(saved) => { setEditing(null); if (saved) changed(); }} />}
      {problem && <ProblemBox problem={problem} />}
      {list.length === 0 && !editing && <p class="quiet">None yet: alerts are shown here, and nobody is told.</p>}
      <ul class="rows">
        {list.map((r) => (
          <li key={r.id} data-receiver={r.name}>
            <div>
              <strong>{r.name}</strong> <Pill tone="quiet">{KINDS[r.kind][0]}</Pill> <span class="quiet mono">{r.kind === 'mail' ? r.addresses.join(', ') : r.url}</span>
              {said?.id === r.id && <p role="status" class={said.error ? 'wrong' : 'fine'}>{said.error ? `Not delivered: ${said.error}` : 'The test was delivered.'}</p>}
            </div>
            {options.may_change && (
              <span class="act">
                <button type="button" disabled={busy === r.id} onClick={() => test(r)} aria-label={`Test ${r.name}`}>{busy === r.id ? 'Testing …' : 'Test'}</button>{' '}
                <button type="button" onClick={() => setEditing(r)} aria-label={`Change ${r.name}`}>Change</button>{' '}
                <button type="button" class="danger" onClick={() => alertsAPI.removeReceiver(r.id).then(changed, (e) => setProblem(asProblem(e)))} aria-label={`Remove ${r.name}`}>Remove</button>
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function ReceiverForm({ start, options, done }: { start: Receiver | null; options: Options; done: (saved: boolean) => void }) {
  const [r, setR] = useState<ReceiverSpec>(start ? { name: start.name, kind: start.kind, url: start.url, key: start.key, addresses: start.addresses } : { name: '', kind: options.mail ? 'mail' : 'webhook', url: '', key: '', addresses: [] });
  const [to, setTo] = useState(r.addresses.join(', '));
  const [problem, setProblem] = useState<Problem | null>(null);
  const set = (c: Partial<ReceiverSpec>) => setR((old) => ({ ...old, ...c }));
  const save = (e: Event) => {
    e.preventDefault();
    const mail = r.kind === 'mail';
    const spec: ReceiverSpec = { ...r, addresses: mail ? to.split(/[\s,;]+/).filter(Boolean) : [], url: mail ? '' : r.url.trim(), key: r.kind === 'webhook' ? r.key : '' };
    alertsAPI.saveReceiver(spec, start?.id).then(() => done(true), (x) => setProblem(asProblem(x)));
  };
  return (
    <form class="fields receiver-form" onSubmit={save} aria-label={start ? `Change ${start.name}` : 'New receiver'}>
      <div class="row">
        <label class="field"><span>Name</span><input name="receiver-name" value={r.name} onInput={(e) => set({ name: e.currentTarget.value })} required maxLength={100} autoComplete="off" /></label>
        <label class="field">
          <span>Kind</span>
          <select name="kind" value={r.kind} onChange={(e) => set({ kind: e.currentTarget.value as Kind })}>
            {(Object.keys(KINDS) as Kind[]).map((k) => <option key={k} value={k} disabled={k === 'mail' && !options.mail}>{KINDS[k][0]}{k === 'mail' && !options.mail ? ' (hosted has no mail server)' : ''}</option>)}
          </select>
        </label>
      </div>
      {r.kind === 'mail' ? (
        <label class="field"><span>Addresses <small class="quiet">up to 20, between commas</small></span><input name="addresses" value={to} onInput={(e) => setTo(e.currentTarget.value)} required spellcheck={false} /></label>
      ) : (
        <label class="field"><span>URL <small class="quiet">{KINDS[r.kind][1]}</small></span><input name="url" type="url" class="mono" value={r.url} onInput={(e) => set({ url: e.currentTarget.value })} required spellcheck={false} autoComplete="off" maxLength={2000} /></label>
      )}
      {r.kind === 'webhook' && (
        <label class="field"><span>Key <small class="quiet">if given, messages are signed with it (HMAC-SHA256); 16 characters or more</small></span><input name="key" class="mono" value={r.key} onInput={(e) => set({ key: e.currentTarget.value })} spellcheck={false} autoComplete="off" maxLength={200} /></label>
      )}
      {start && r.kind !== 'mail' && <p class="quiet">The URL is not shown again after it was saved. Left as it is, it stays.</p>}
      {problem && <ProblemBox problem={problem} />}
      <div class="buttons start"><button class="primary">Save</button><button type="button" onClick={() => done(false)}>Cancel</button></div>
    </form>
  );
}
