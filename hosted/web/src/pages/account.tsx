// One's own account: password, sessions, API tokens, the link to an OpenID provider, how the pages look.

import '../style/account.css';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { agentName } from '../agent';
import { api, asProblem } from '../api/client';
import type { OpenSession, Problem, Provider, ProviderLink, User } from '../api/types';
import { setPrefs, usePrefs, type Theme } from '../prefs';
import { Ago, Moment, Pill, ProblemBox, useTitle } from '../ui/bits';
import { Tokens } from './tokens';

export function AccountPage({ user }: { user: User }) {
  useTitle('Account');
  useEffect(() => window.scrollTo(0, 0), []);
  return (
    <div class="page account">
      <div class="panel-head">
        <h1>{user.name}</h1>
        <span class="quiet">{user.role === 'admin' ? 'administrator' : user.role} of {user.tenant}</span>
      </div>
      <p class="quiet lead">
        {user.rights.length ? <>Your rights: {user.rights.join(', ')}. </> : 'You see calls, with their numbers masked. '}
        {user.managed ? 'Your OpenID provider says what you may do here.' : 'An administrator of your tenant can change them.'}
      </p>
      <div class="account-grid">
        {!user.managed && <Password />}
        <Look />
        <Links user={user} />
        <Sessions />
        <Tokens user={user} />
      </div>
    </div>
  );
}

function Password() {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [said, setSaid] = useState('');
  const [busy, setBusy] = useState(false);
  const change = async (e: SubmitEvent) => {
    e.preventDefault();
    const form = e.currentTarget as HTMLFormElement;
    const f = new FormData(form);
    setProblem(null);
    setSaid('');
    if (f.get('password') !== f.get('again')) {
      setProblem({ code: 'bad-request', status: 0, title: 'The two new passwords differ' });
      return;
    }
    setBusy(true);
    await api.changePassword(String(f.get('current')), String(f.get('password'))).then(
      () => {
        form.reset();
        setSaid('Your password is changed. Your other sessions have ended.');
      },
      (x) => setProblem(asProblem(x)),
    );
    setBusy(false);
  };
  return (
    <section class="panel" aria-labelledby="own-password">
      <h2 id="own-password">Password</h2>
      <form onSubmit={change} class="stack">
        <label>Current password <input name="current" type="password" required autoComplete="current-password" /></label>
        <label>New password <small class="quiet">10 characters or more</small>
          <input name="password" type="password" required minLength={10} maxLength={256} autoComplete="new-password" />
        </label>
        <label>New password again <input name="again" type="password" required minLength={10} maxLength={256} autoComplete="new-password" /></label>
        {problem && <ProblemBox problem={problem} />}
        <p class="buttons start"><button class="primary" disabled={busy}>{busy ? 'Changing …' : 'Change'}</button></p>
        <p role="status" class="quiet">{said}</p>
      </form>
    </section>
  );
}

const THEMES: [Theme, string][] = [['auto', 'As the system'], ['light', 'Light'], ['dark', 'Dark']];

function Look() {
  const { theme, zone, direct } = usePrefs();
  return (
    <section class="panel" aria-labelledby="look">
      <h2 id="look">This browser</h2>
      <fieldset>
        <legend>Theme</legend>
        {THEMES.map(([t, word]) => (
          <label key={t} class="check"><input type="radio" name="theme" checked={theme === t} onChange={() => setPrefs({ theme: t })} /> {word}</label>
        ))}
      </fieldset>
      <fieldset>
        <legend>Times</legend>
        <label class="check"><input type="radio" name="zone" checked={zone === 'utc'} onChange={() => setPrefs({ zone: 'utc' })} /> UTC</label>
        <label class="check"><input type="radio" name="zone" checked={zone === 'local'} onChange={() => setPrefs({ zone: 'local' })} /> Local</label>
      </fieldset>
      <fieldset>
        <legend>Downloads</legend>
        <label class="check"><input type="checkbox" name="direct" checked={direct} onChange={(e) => setPrefs({ direct: e.currentTarget.checked })} /> Straight from the sensor, where its owner allows it</label>
        <p class="quiet">The two then see each other’s addresses, and this service sees no packet. What finds no way is relayed.</p>
      </fieldset>
    </section>
  );
}

// Links is the link to an OpenID provider, where there is one.
function Links({ user }: { user: User }) {
  const [providers, setProviders] = useState<Provider[]>([]);
  const [links, setLinks] = useState<ProviderLink[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = useCallback(() => {
    api.providers().then(setProviders, () => {});
    api.links().then(setLinks, (e) => setProblem(asProblem(e)));
  }, []);
  useEffect(load, [load]);
  if (!links || (!providers.length && !links.length)) return null;
  const link = (e: SubmitEvent) => {
    e.preventDefault();
    setProblem(null);
    const form = new FormData(e.currentTarget as HTMLFormElement);
    api.link(String(form.get('current')), String(form.get('provider') ?? providers[0]!.id)).then((to) => location.assign(to.url), (x) => setProblem(asProblem(x)));
  };
  return (
    <section class="panel" aria-labelledby="links">
      <h2 id="links">{providers.length === 1 ? providers[0]!.name : 'OpenID providers'}</h2>
      {links.map((l) => (
        <p key={l.issuer + l.subject}>Linked to <code>{l.subject}</code> <span class="quiet">of {l.issuer} since <Moment t={l.created} /></span></p>
      ))}
      {user.managed && <p class="quiet">It answers for this user: there is no other way in.</p>}
      {!user.managed && links.length > 0 && (
        <p><button type="button" onClick={() => api.unlink().then(load, (e) => setProblem(asProblem(e)))}>Unlink</button></p>
      )}
      {!user.managed && links.length === 0 && providers.length > 0 && (
        <form onSubmit={link} class="stack">
          <p class="quiet">Link this user to yours at {providers.length === 1 ? providers[0]!.name : 'a provider'}, to log in without this password.</p>
          {providers.length > 1 && (
            <label>Provider <select name="provider">{providers.map((p) => <option key={p.id} value={p.id} disabled={!p.available}>{p.name}{p.available ? '' : ' (does not answer)'}</option>)}</select></label>
          )}
          <label>Your password here <input name="current" type="password" required autoComplete="current-password" /></label>
          <p class="buttons start"><button disabled={!providers.some((p) => p.available)}>Link</button></p>
          {providers.length === 1 && !providers[0]!.available && <p class="quiet">{providers[0]!.name} does not answer now.</p>}
        </form>
      )}
      {problem && <ProblemBox problem={problem} />}
    </section>
  );
}

function Sessions() {
  const [list, setList] = useState<OpenSession[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [said, setSaid] = useState('');
  const load = useCallback(() => void api.sessions().then(setList, (e) => setProblem(asProblem(e))), []);
  useEffect(load, [load]);
  const end = (what: Promise<null>, word: string) =>
    what.then(
      () => {
        setSaid(word);
        load();
      },
      (e) => setProblem(asProblem(e)),
    );
  return (
    <section class="panel wide" aria-labelledby="sessions">
      <div class="panel-head">
        <h2 id="sessions">Sessions</h2>
        {list && list.length > 1 && <button type="button" onClick={() => end(api.endOtherSessions(), 'All other sessions have ended.')}>End all others</button>}
      </div>
      {problem && <ProblemBox problem={problem} retry={load} />}
      <p class="sr" role="status">{said}</p>
      {list && (
        <table class="data stacked cards">
          <thead><tr><th>Browser</th><th>Address</th><th>Logged in</th><th>Last used</th><th><span class="sr">Actions</span></th></tr></thead>
          <tbody>
            {list.map((s) => (
              <tr key={s.id} data-session={s.id}>
                <td data-label="Browser"><span title={s.agent}>{agentName(s.agent)}</span> {s.current && <Pill tone="info">this one</Pill>}</td>
                <td data-label="Address">{s.addr || '–'}</td>
                <td data-label="Logged in"><Moment t={s.created} /> <small class="quiet">{s.way === 'oidc' ? 'OpenID' : 'password'}</small></td>
                <td data-label="Last used"><Ago t={s.seen} /></td>
                <td class="act">{!s.current && <button type="button" onClick={() => end(api.endSession(s.id), 'The session has ended.')} aria-label={`End the session of ${agentName(s.agent)} from ${s.addr}`}>End</button>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
