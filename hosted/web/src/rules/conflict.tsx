// Somebody else saved while one was writing: what they changed, and both changes in one text where that is possible.

import type { Rules } from '../api/types';
import { Ago, SeverityIcon } from '../ui/bits';
import { diff, merge } from './merge';

interface Props {
  base: Rules; // what both began with
  mine: string;
  theirs: Rules;
  take: (text: string) => void; // goes on with this text, on top of theirs
}

export function Conflict({ base, mine, theirs, take }: Props) {
  const merged = merge(base.text, mine, theirs.text);
  return (
    <section class="notice warn conflict" role="alert" aria-labelledby="conflict">
      <SeverityIcon severity="warn" />
      <div>
        <h2 id="conflict">{theirs.author || 'Somebody'} saved revision {theirs.revision} while you were writing{theirs.changed && <>, <Ago t={theirs.changed} /></>}</h2>
        <p>This is what changed since revision {base.revision}. Nothing of yours is lost or saved yet.</p>
        <DiffView from={base.text} to={theirs.text} />
        {merged === null && <p>Both of you changed the same lines, so a person has to put them together.</p>}
        <p class="buttons">
          {merged !== null && <button type="button" class="primary" onClick={() => take(merged)}>Put both together</button>}
          <button type="button" onClick={() => take(mine)}>Keep my text as it is</button>
          <button type="button" onClick={() => take(theirs.text)}>Take theirs, drop mine</button>
        </p>
        <p class="quiet">You look at the result before you save it. Keeping your text undoes their change when you save.</p>
      </div>
    </section>
  );
}

const SIGN = { same: ' ', gone: '−', new: '+', left: '⋯' } as const;
const WORD = { same: '', gone: 'removed: ', new: 'added: ', left: '' } as const;

export function DiffView({ from, to }: { from: string; to: string }) {
  const lines = diff(from, to);
  if (lines.length === 0) return <p class="quiet">The text is the same.</p>;
  return (
    <div class="diff" tabIndex={0} role="group" aria-label="Changed lines">
      {lines.map((l, i) => (
        <div key={i} class={l.kind}>
          <span aria-hidden="true">{SIGN[l.kind]}</span> {WORD[l.kind] && <span class="sr">{WORD[l.kind]}</span>}
          {l.text || ' '}
        </div>
      ))}
    </div>
  );
}
