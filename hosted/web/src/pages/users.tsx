// The tenant's users: who may see, listen, download, write rules, administer.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { api, asProblem } from '../api/client';
import type { Account, Problem, Right, Role, User } from '../api/types';
import { Copy, Moment, Pill, ProblemBox, useTitle } from '../ui/bits';

const ROLES: Record<Role, string> = { admin: 'administrator', user: 'user', viewer: 'viewer' };
const RIGHTS: [Right, string, string][] = [
  ['listen', 'Listen', 'hear calls whose voice was kept'],
  ['download', 'Download', 'get the packets of calls'],
  ['rules', 'Rules', 'change what is kept'],
  ['numbers', 'Numbers', 'see telephone numbers whole, not masked'],
  ['export', 'Export', 'take the records of many calls as a file'],
];
const USUAL: Record<Role, Right[]> = { admin: ['listen', 'download', 'rules', 'numbers', 'export'], user: ['listen', 'download', 'numbers', 'export'], viewer: ['numbers'] };

export function UsersPage({ user }: { user: User }) {
  const [users, setUsers] = useState<Account[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [adding, setAdding] = useState(false);
  const [asked, setAsked] = useState<Account | null>(null);
  const [password, setPassword] = useState<Account | null>(null);
  const [said, setSaid] = useState('');
  useTitle('Users');

  const load = useCallback(() => {
    void api.users().then(
      (u) => {
        setUsers(u);
        setProblem(null);
      },
      (e) => setProblem(asProblem(e)),
    );
  }, []);
  useEffect(() => {
    window.scrollTo(0, 0);
    load();
  }, [load]);

  const change = (u: Account, c: { role?: Role; rights?: Right[]; disabled?: boolean }) => {
    setProblem(null);
    const { disabled: _, ...shown } = c;
    setUsers((list) => list?.map((x) => (x.name === u.name ? { ...x, ...shown } : x)) ?? null);
    api.changeUser(u.name, c).then(
      (now) => {
        setUsers((list) => list?.map((x) => (x.name === u.name ? { ...x, ...now } : x)) ?? null);
        setSaid(`${u.name} is changed.`);
      },
      (e) => {
        setProblem(asProblem(e));
        void api.users().then(setUsers, () => {});
      },
    );
  };

  return (
    <div class="page users">
      <div class="panel-head">
        <h1>Users</h1>
        <span class="quiet">of {user.tenant}</span>
        {!adding && <button type="button" class="primary" onClick={() => setAdding(true)}>Add a user</button>}
      </div>
      <p class="quiet lead">Everybody here sees calls, sensors and rules; telephone numbers are masked without the right. Administrators also pair sensors and change users. To listen, to download and to change rules are rights of their own, and each use is in the <a href="/audit">audit log</a>.</p>
      {problem && <ProblemBox problem={problem} retry={load} />}
      <p class="sr" role="status">{said}</p>
      {adding && (
        <AddUser
          done={(name) => {
            setAdding(false);
            if (name) setSaid(`${name} is added.`);
            load();
          }}
        />
      )}
      {users && (
        <table class="data stacked cards">
          <thead>
            <tr><th>Name</th><th>Role</th>{RIGHTS.map(([r, word, what]) => <th key={r} title={what}>{word}</th>)}<th>Added</th><th><span class="sr">Actions</span></th></tr>
          </thead>
          <tbody>
            {users.map((u) => {
              const me = u.name === user.name;
              const managed = Boolean(u.vouched); // an OpenID provider says role and rights
              return (
                <tr key={u.name} data-user={u.name}>
                  <td data-label="Name"><strong>{u.name}</strong> {me && <Pill tone="info">you</Pill>}{managed && <Pill tone="quiet">OpenID</Pill>}{u.disabled && <Pill tone="warn">disabled{u.disabled === 'provider' ? ' by the provider' : ''}</Pill>}</td>
                  <td data-label="Role">
                    <select aria-label={`Role of ${u.name}`} value={u.role} disabled={me || managed} title={managed ? 'The OpenID provider says it' : me ? 'Another administrator can change your role' : undefined} onChange={(e) => {
                      const role = e.currentTarget.value as Role;
                      change(u, { role, rights: USUAL[role] });
                    }}>
                      {Object.entries(ROLES).map(([r, word]) => <option key={r} value={r}>{word}</option>)}
                    </select>
                  </td>
                  {RIGHTS.map(([r, word]) => (
                    <td key={r} class="right">
                      <label class="check">
                        <input
                          type="checkbox" checked={u.rights.includes(r)} disabled={managed} aria-label={`${u.name}: ${word.toLowerCase()}`}
                          onChange={(e) => change(u, { rights: RIGHTS.map(([x]) => x).filter((x) => (x === r ? e.currentTarget.checked : u.rights.includes(x))) })}
                        />
                        <span class="stack-only">{word}</span>
                      </label>
                    </td>
                  ))}
                  <td data-label="Added"><Moment t={u.created ?? null} /></td>
                  <td class="act">
                    {!managed && <><button type="button" onClick={() => setPassword(u)} aria-label={`New password for ${u.name}`}>Password</button>{' '}</>}
                    <button type="button" disabled={me} onClick={() => change(u, { disabled: !u.disabled })} aria-label={`${u.disabled ? 'Enable' : 'Disable'} ${u.name}`}>{u.disabled ? 'Enable' : 'Disable'}</button>{' '}
                    <button type="button" class="danger" disabled={me} onClick={() => setAsked(u)} aria-label={`Remove ${u.name}`}>Remove</button>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
      {asked && <Remove user={asked} done={() => { setAsked(null); load(); }} />}
      {password && <NewPassword user={password} done={() => setPassword(null)} />}
    </div>
  );
}

function AddUser({ done }: { done: (name: string) => void }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState<Role>('user');
  const [rights, setRights] = useState<Right[]>(USUAL.user);
  const [made, setMade] = useState<Account | null>(null); // with the password that hosted made
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const add = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setProblem(null);
    await api.addUser({ name: name.trim(), role, rights, ...(password ? { password } : {}) }).then(
      (u) => (u.password ? setMade(u) : done(u.name)),
      (x) => setProblem(asProblem(x)),
    );
    setBusy(false);
  };
  if (made) {
    return (
      <section class="panel" aria-labelledby="add-user">
        <h2 id="add-user">{made.name} is added</h2>
        <p>Give them this password. It is not shown again; only they or an administrator can set another.</p>
        <p class="command"><code>{made.password}</code><Copy text={made.password!} label="Copy the password" /></p>
        <p><button type="button" class="primary" onClick={() => done(made.name)}>Done</button></p>
      </section>
    );
  }
  return (
    <section class="panel add-user" aria-labelledby="add-user">
      <div class="panel-head">
        <h2 id="add-user">Add a user</h2>
        <button type="button" class="quiet-button" onClick={() => done('')}>Close</button>
      </div>
      <form onSubmit={add}>
        <label>Name <input name="new-name" value={name} onInput={(e) => setName(e.currentTarget.value)} required maxLength={64} autoComplete="off" spellcheck={false} /></label>
        <label>
          Password <small class="quiet">10 characters or more; left empty, one is made</small>
          <input name="new-password" type="password" value={password} onInput={(e) => setPassword(e.currentTarget.value)} minLength={10} maxLength={256} autoComplete="new-password" />
        </label>
        <label>
          Role{' '}
          <select value={role} onChange={(e) => {
            const r = e.currentTarget.value as Role;
            setRole(r);
            setRights(USUAL[r]);
          }}>
            {Object.entries(ROLES).map(([r, word]) => <option key={r} value={r}>{word}</option>)}
          </select>
        </label>
        <fieldset>
          <legend>Rights</legend>
          {RIGHTS.map(([r, word, what]) => (
            <label key={r} class="check">
              <input type="checkbox" checked={rights.includes(r)} onChange={(e) => setRights(e.currentTarget.checked ? [...rights, r] : rights.filter((x) => x !== r))} />
              {word} <small class="quiet">{what}</small>
            </label>
          ))}
        </fieldset>
        {problem && <ProblemBox problem={problem} />}
        <p class="buttons start"><button class="primary" disabled={busy}>{busy ? 'Adding …' : 'Add'}</button></p>
      </form>
    </section>
  );
}

function Remove({ user, done }: { user: Account; done: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={done} aria-labelledby="remove-title">
      <h2 id="remove-title">Remove {user.name}?</h2>
      <p>Their sessions end and their API tokens stop working at once. What they did stays in the audit log.</p>
      {problem && <ProblemBox problem={problem} />}
      <div class="buttons">
        <button type="button" autoFocus onClick={() => dialog.current?.close()}>Keep</button>
        <button type="button" class="danger" onClick={() => api.removeUser(user.name).then(done, (e) => setProblem(asProblem(e)))}>Remove</button>
      </div>
    </dialog>
  );
}

function NewPassword({ user, done }: { user: Account; done: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const set = (e: Event) => {
    e.preventDefault();
    api.changeUser(user.name, { password }).then(() => dialog.current?.close(), (x) => setProblem(asProblem(x)));
  };
  return (
    <dialog ref={dialog} onClose={done} aria-labelledby="password-title">
      <h2 id="password-title">New password for {user.name}</h2>
      <form onSubmit={set} class="stack">
        <label>Password <input type="password" value={password} onInput={(e) => setPassword(e.currentTarget.value)} required minLength={10} maxLength={256} autoComplete="new-password" autoFocus /></label>
        <p class="quiet">Their open sessions end.</p>
        {problem && <ProblemBox problem={problem} />}
        <div class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>Cancel</button>
          <button class="primary">Set</button>
        </div>
      </form>
    </dialog>
  );
}
