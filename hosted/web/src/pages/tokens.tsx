// One's own API tokens: for programs, and for assistants.

import { useCallback, useEffect, useState } from 'preact/hooks';
import { api, asProblem } from '../api/client';
import type { Problem, Right, Token, TokenScope, User } from '../api/types';
import { Ago, Copy, Moment, Pill, ProblemBox } from '../ui/bits';

const LIVES: [string, string][] = [['30', '30 days'], ['90', '90 days'], ['365', 'a year'], ['', 'no end']];

export function Tokens({ user }: { user: User }) {
  const [list, setList] = useState<Token[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [adding, setAdding] = useState(false);
  const load = useCallback(() => void api.tokens().then(setList, (e) => setProblem(asProblem(e))), []);
  useEffect(load, [load]);
  return (
    <section class="panel wide" aria-labelledby="tokens">
      <div class="panel-head">
        <h2 id="tokens">API tokens</h2>
        {!adding && <button type="button" onClick={() => setAdding(true)}>Make a token</button>}
      </div>
      <p class="quiet">A token lets a program act as you, never with more than you may at the time. For assistants (Model Context Protocol) make one that is good at <code>/mcp</code> only.</p>
      {adding && <Add user={user} done={() => { setAdding(false); load(); }} />}
      {problem && <ProblemBox problem={problem} retry={load} />}
      {list && list.length > 0 && (
        <table class="data stacked cards">
          <thead><tr><th>For</th><th>May</th><th>Made</th><th>Ends</th><th>Last used</th><th><span class="sr">Actions</span></th></tr></thead>
          <tbody>
            {list.map((t) => (
              <tr key={t.id} data-token={t.label}>
                <td data-label="For"><strong>{t.label}</strong> {t.scope === 'mcp' && <Pill tone="info">assistants</Pill>}</td>
                <td data-label="May">{t.rights ? ['see calls', ...t.rights].join(', ') : 'all that you may'}</td>
                <td data-label="Made"><Moment t={t.created} /></td>
                <td data-label="Ends">{t.expires ? <Moment t={t.expires} /> : 'never'}</td>
                <td data-label="Last used">{t.used ? <Ago t={t.used} /> : 'never'}</td>
                <td class="act"><button type="button" class="danger" onClick={() => api.removeToken(t.id).then(load, (e) => setProblem(asProblem(e)))} aria-label={`Remove the token ${t.label}`}>Remove</button></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {list?.length === 0 && !adding && <p class="quiet">You have none.</p>}
    </section>
  );
}

function Add({ user, done }: { user: User; done: () => void }) {
  const [label, setLabel] = useState('');
  const [scope, setScope] = useState<TokenScope>('');
  const [narrow, setNarrow] = useState(false);
  const [rights, setRights] = useState<Right[]>([]);
  const [life, setLife] = useState('90');
  const [made, setMade] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const add = (e: SubmitEvent) => {
    e.preventDefault();
    setProblem(null);
    const expires = life ? { expires: new Date(Date.now() + Number(life) * 864e5).toISOString() } : {};
    api.addToken({ label: label.trim(), scope, ...(narrow ? { rights } : {}), ...expires }).then((t) => setMade(t.token), (x) => setProblem(asProblem(x)));
  };
  if (made) {
    return (
      <div class="made" role="status">
        <p>This is the token. It is not shown again.</p>
        <p class="command"><code>{made}</code><Copy text={made} label="Copy the token" /></p>
        {scope === 'mcp' ? (
          <p>The assistant's server is <code>{location.origin}/mcp</code>, with the header <code>Authorization: Bearer TOKEN</code>; or let it start <code>voipmon mcp --hosted {location.origin}</code>.</p>
        ) : (
          <p>Programs send it in the header <code>Authorization: Bearer TOKEN</code>.</p>
        )}
        <p><button type="button" class="primary" onClick={done}>Done</button></p>
      </div>
    );
  }
  return (
    <form onSubmit={add} class="stack made" aria-label="Make a token">
      <label>What it is for <input name="label" value={label} onInput={(e) => setLabel(e.currentTarget.value)} required maxLength={100} autoComplete="off" /></label>
      <fieldset>
        <legend>Good for</legend>
        <label class="check"><input type="radio" name="scope" checked={scope === ''} onChange={() => setScope('')} /> Programs <small class="quiet">the whole API</small></label>
        <label class="check">
          <input type="radio" name="scope" checked={scope === 'mcp'} onChange={() => { setScope('mcp'); setNarrow(true); setRights([]); }} /> Assistants <small class="quiet">only questions at /mcp</small>
        </label>
      </fieldset>
      <fieldset>
        <legend>It may</legend>
        <label class="check"><input type="radio" name="narrow" checked={!narrow} onChange={() => setNarrow(false)} /> All that you may</label>
        <label class="check"><input type="radio" name="narrow" checked={narrow} onChange={() => setNarrow(true)} /> See calls, and only these rights</label>
        {narrow && (
          <div class="indent">
            {user.rights.map((r) => (
              <label key={r} class="check">
                <input type="checkbox" checked={rights.includes(r)} onChange={(e) => setRights(e.currentTarget.checked ? [...rights, r] : rights.filter((x) => x !== r))} /> {r}
              </label>
            ))}
            {!rights.includes('numbers') && <p class="quiet">Without “numbers” it sees telephone numbers masked.</p>}
          </div>
        )}
      </fieldset>
      <label>It ends after
        <select name="life" value={life} onChange={(e) => setLife(e.currentTarget.value)}>{LIVES.map(([d, word]) => <option key={d} value={d}>{word}</option>)}</select>
      </label>
      {problem && <ProblemBox problem={problem} />}
      <p class="buttons start"><button class="primary">Make</button> <button type="button" onClick={done}>Cancel</button></p>
    </form>
  );
}
