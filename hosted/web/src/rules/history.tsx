// Who changed the rules, when, and how.

import { useEffect, useState } from 'preact/hooks';
import { api, asProblem } from '../api/client';
import type { Problem, RuleRevision, Rules } from '../api/types';
import { Moment, ProblemBox } from '../ui/bits';
import { DiffView } from './conflict';

const FEW = 8; // revisions that show before "all"

interface Props {
  revision: number; // in force
  restore: ((text: string) => void) | null; // null: the user may not
}

export function RuleHistory({ revision, restore }: Props) {
  const [list, setList] = useState<RuleRevision[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [all, setAll] = useState(false);
  useEffect(() => {
    const control = new AbortController();
    api.ruleHistory(control.signal).then(setList, (e) => control.signal.aborted || setProblem(asProblem(e)));
    return () => control.abort();
  }, [revision]);
  if (problem) return <ProblemBox problem={problem} />;
  if (list.length === 0) return null;
  return (
    <section class="panel in-force" aria-labelledby="rule-history">
      <h2 id="rule-history">Changes</h2>
      {(all ? list : list.slice(0, FEW)).map((r) => <Change key={r.revision} change={r} current={r.revision === revision} restore={restore} />)}
      {list.length > FEW && !all && <p><button type="button" class="link" onClick={() => setAll(true)}>All {list.length}</button></p>}
    </section>
  );
}

function Change({ change, current, restore }: { change: RuleRevision; current: boolean; restore: Props['restore'] }) {
  const [open, setOpen] = useState(false);
  const [texts, setTexts] = useState<[before: Rules | null, after: Rules] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    if (!open || texts) return;
    const control = new AbortController();
    const before = change.revision > 1 ? api.rulesAt(change.revision - 1, control.signal).catch(() => null) : Promise.resolve(null); // the oldest may be gone
    Promise.all([before, api.rulesAt(change.revision, control.signal)]).then(setTexts, (e) => control.signal.aborted || setProblem(asProblem(e)));
    return () => control.abort();
  }, [open, texts, change.revision]);
  return (
    <details onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary>
        <strong>Revision {change.revision}</strong> <span>{change.author}</span> <span class="quiet"><Moment t={change.changed} /></span>
      </summary>
      {problem && <ProblemBox problem={problem} />}
      {texts && <DiffView from={texts[0]?.text ?? ''} to={texts[1].text} />}
      {texts && restore && !current && <p><button type="button" onClick={() => restore(texts[1].text)}>Put this text into the editor</button></p>}
    </details>
  );
}
