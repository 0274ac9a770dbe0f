import { useEffect, useState } from 'preact/hooks';
import { api, asProblem } from '../api/client';
import type { Problem, Provider, User } from '../api/types';
import { ProblemBox, useTitle } from '../ui/bits';

export function LoginPage({ ended, next, done }: { ended: boolean; next: string; done: (u: User) => void }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const [provider, setProvider] = useState<Provider | null>(null);
  const out = new URLSearchParams(location.search).has('out');
  useTitle('Log in');
  useEffect(() => {
    const leave = new AbortController();
    api.provider(leave.signal).then((p) => setProvider(p.enabled ? p : null), () => {}); // without an answer there is no button
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
            <span>You are logged out here.{provider?.logout && <> <a href={provider.logout}>Log out of {provider.name} too</a></>}</span>
          </p>
        )}
        {provider && (
          <>
            {provider.available ? (
              <a class="button provider" href={`/api/v1/oidc/login?next=${encodeURIComponent(next)}`}>Log in with {provider.name}</a>
            ) : (
              <p class="notice warn"><span>{provider.name} does not answer now. Users who have a password here can log in with it.</span></p>
            )}
            <p class="or" aria-hidden="true"><span>or</span></p>
          </>
        )}
        <label>
          Name
          <input name="name" autoComplete="username" required autoFocus={!provider} autoCapitalize="none" spellcheck={false} />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        {problem && <ProblemBox problem={problem} />}
        <button class={provider?.available ? '' : 'primary'} disabled={busy}>{busy ? 'Logging in …' : 'Log in'}</button>
        {!provider && (
          <p class="quiet">
            The first user and its password were printed when hosted started for the first time. Further users: <code>hosted user add</code>.
          </p>
        )}
      </form>
    </main>
  );
}
