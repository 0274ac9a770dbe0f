// "Make a rule from this call": choose what it is recognised by, see the rule, put it into the text.

import { useEffect, useState } from 'preact/hooks';
import { api, asProblem } from '../api/client';
import type { CDR, Keep, Problem } from '../api/types';
import { party } from '../format';
import { callPath, navigate } from '../router';
import { ProblemBox } from '../ui/bits';
import { KEPT } from '../words';
import { conditionsOf, insertRule, writeRule } from './fromcall';
import { KEEPS } from './lexer';

interface Props {
  id: string;
  text: string;
  insert: (text: string, rule: string) => void;
}

export function FromCall({ id, text, insert }: Props) {
  const [call, setCall] = useState<CDR | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [chosen, setChosen] = useState<string[]>([]);
  const [keep, setKeep] = useState<Keep>('rtp');
  useEffect(() => {
    const control = new AbortController();
    api.call(id, control.signal).then(
      (c) => {
        setCall(c);
        setChosen(conditionsOf(c).slice(0, 1).map((x) => x.text));
      },
      (e) => control.signal.aborted || setProblem(asProblem(e)),
    );
    return () => control.abort();
  }, [id]);
  if (problem) return <ProblemBox problem={problem} />;
  if (!call) return null;
  const all = conditionsOf(call);
  const rule = writeRule(all.filter((c) => chosen.includes(c.text)).map((c) => c.text), keep, text);
  const add = (where: 'first' | 'last') => {
    insert(insertRule(text, rule, where), rule);
    navigate('/rules', 'replace');
  };
  return (
    <section class="panel from-call" aria-labelledby="from-call">
      <div class="panel-head">
        <h2 id="from-call">A rule from the call <a href={callPath(call.id)}>{party(call.caller, call.caller_name)} → {party(call.callee)}</a></h2>
        <button type="button" class="quiet-button" onClick={() => navigate('/rules', 'replace')}>Close</button>
      </div>
      <div class="choose">
        <fieldset>
          <legend>A call like this one has, all at once</legend>
          {all.map((c) => (
            <label key={c.text} class="check">
              <input type="checkbox" checked={chosen.includes(c.text)} onChange={(e) => setChosen(e.currentTarget.checked ? [...chosen, c.text] : chosen.filter((t) => t !== c.text))} />
              <code>{c.text}</code> <small class="quiet">{c.what}</small>
            </label>
          ))}
        </fieldset>
        <fieldset>
          <legend>Keep of it</legend>
          {KEEPS.map((k) => (
            <label key={k} class="check">
              <input type="radio" name="keep" checked={keep === k} onChange={() => setKeep(k)} /> {KEPT[k]}
            </label>
          ))}
        </fieldset>
      </div>
      <p class="command"><code>{rule}</code></p>
      {chosen.length === 0 && <p class="quiet">Without a condition the rule is about every call.</p>}
      <p class="buttons start">
        <button type="button" class="primary" onClick={() => add('first')}>Put it first</button>
        <button type="button" onClick={() => add('last')}>Put it last</button>
        <span class="quiet">The first rule that holds decides. Nothing is saved yet.</span>
      </p>
    </section>
  );
}
