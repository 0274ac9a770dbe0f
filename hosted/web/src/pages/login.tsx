import { useEffect, useState } from 'preact/hooks';
import { api, asProblem } from '../api/client';
import type { Problem, Provider, User } from '../api/types';
import { ProblemBox, useTitle } from '../ui/bits';

export function LoginPage({ ended, next, done }: { ended: boolean; next: string; done: (u: User) => void }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [providers, setProviders] = useState<Provider[]>([]);
  const query = new URLSearchParams(location.search);
  const out = query.has('out');
  const only = query.get('provider') ?? '';
  useTitle('Log in');
  useEffect(() => {
    const leave = new AbortController();
    api.providers(only, leave.signal).then(setProviders, () => {}); // without an answer there is no button
    return () => leave.abort();
  }, []);

  async function submit(e: SubmitEvent) {
    e.preventDefault();
    const form = new FormData(e.currentTarget as HTMLFormElement);
    setBusy(true);
    setProblem(null);
    try {
      done(await api.login(String(form.get('name')), String(form.get('password'))));
    } catch (err) {
      const p = asProblem(err);
      setProblem(p.status === 401 ? { ...p, title: 'The name or the password is wrong' } : p);
      setBusy(false);
    }
  }

  return (
    <main class="login">
      <form onSubmit={submit} aria-labelledby="login-title">
        <div class="brand">
          <svg viewBox="0 0 32 32" width="30" height="30" aria-hidden="true">
            <path d="M2 17h6l4-10 6 18 5-12 2 4h5" />
          </svg>
          <h1 id="login-title">voiptop</h1>
        </div>
        {ended && !problem && <p class="notice warn">Your session is over. Log in again to go on where you were.</p>}
        {out && !problem && (
          <p class="notice info" role="status">
            <span>You are logged out here.{providers.map((p) => p.logout && <> <a key={p.id} href={p.logout}>Log out of {p.name} too</a></>)}</span>
          </p>
        )}
        {providers.map((p) =>
          p.available ? (
            <a key={p.id} class="button provider" href={`${p.login}?next=${encodeURIComponent(next)}`}>Log in with {p.name}</a>
          ) : (
            <p key={p.id} class="notice warn"><span>{p.name} does not answer now. Users who have a password here can log in with it.</span></p>
          ),
        )}
        {providers.length > 0 && <p class="or" aria-hidden="true"><span>or</span></p>}
        <label>
          Name
          <input name="name" autoComplete="username" required autoFocus={!providers.length} autoCapitalize="none" spellcheck={false} />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        {problem && <ProblemBox problem={problem} />}
        <button class={providers.some((p) => p.available) ? '' : 'primary'} disabled={busy}>{busy ? 'Logging in …' : 'Log in'}</button>
        {!providers.length && (
          <p class="quiet">
            The first user and its password were printed when hosted started for the first time. Further users: <code>hosted user add</code>.
          </p>
        )}
      </form>
    </main>
  );
}
