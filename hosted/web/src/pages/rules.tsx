// The tenant's capture rules: write them, see at once what they would keep, and which sensor has them in force.

import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { aborted, api, asProblem } from '../api/client';
import type { Problem, RuleCheck, RuleField, Rules, User } from '../api/types';
import { lineOf } from '../rules/fromcall';
import { Editor, type Act } from '../rules/editor';
import { place } from '../rules/lexer';
import { Ago, ProblemBox, useTitle } from '../ui/bits';
import { Conflict } from '../rules/conflict';
import { DryRun, Verdict } from '../rules/dryrun';
import { FromCall } from '../rules/fromcallbox';
import { SensorRulesPanel } from '../rules/inforce';
import { RuleHistory } from '../rules/history';
import { keepDraft, keptDraft } from '../rules/draft';

const TYPING_MS = 350; // of silence before a text is checked

export function RulesPage({ user, call }: { user: User; call: string }) {
  const may = user.rights.includes('rules');
  const [base, setBase] = useState<Rules | null>(null); // what hosted has, as far as this page knows
  const [text, setText] = useState('');
  const [fields, setFields] = useState<RuleField[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [theirs, setTheirs] = useState<Rules | null>(null); // what somebody else saved meanwhile
  const [busy, setBusy] = useState(false);
  const [saved, setSaved] = useState(0); // revision that was saved last, here
  const [act, setAct] = useState<Act | null>(null);
  useTitle('Rules');

  const load = useCallback(() => {
    setProblem(null);
    api.rules().then(
      (r) => {
        const draft = keptDraft();
        setBase(draft ? { ...r, revision: draft.revision, text: draft.base } : r);
        setText(draft ? draft.text : r.text);
        if (draft && draft.revision !== r.revision) setTheirs(r);
      },
      (e) => setProblem(asProblem(e)),
    );
  }, []);
  useEffect(() => {
    window.scrollTo(0, 0);
    load();
    api.ruleFields().then(setFields, () => {}); // without them there is no completion; the check still says what is wrong
  }, [load]);

  const dirty = base !== null && text !== base.text;
  useEffect(() => {
    if (base) keepDraft(dirty && may ? { revision: base.revision, base: base.text, text } : null);
  }, [base, text, dirty, may]);
  useEffect(() => {
    const warn = (e: BeforeUnloadEvent) => dirty && e.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [dirty]);

  const check = useCheck(text, base !== null && may);
  const error = check.result?.error ?? null;

  const save = useCallback(async () => {
    if (!base || !may) return;
    setBusy(true);
    setProblem(null);
    try {
      const now = await api.saveRules(base.revision, text);
      setBase(now);
      setText((typed) => (typed === text ? now.text : typed)); // what was typed meanwhile stays
      setSaved(now.revision);
      setTheirs(null);
    } catch (e) {
      const p = asProblem(e);
      if (p.status === 412) await api.rules().then(setTheirs, (x) => setProblem(asProblem(x)));
      else setProblem(p);
    }
    setBusy(false);
  }, [base, text, may]);

  const edit = (t: string) => {
    setSaved(0);
    setText(t);
  };
  const jump = (line: number, column = 1) => line > 0 && setAct({ at: place(text, line, column) });

  if (!base) return <div class="page">{problem ? <ProblemBox problem={problem} retry={load} /> : <p class="quiet">Loading …</p>}</div>;
  return (
    <div class="page rules">
      <div class="panel-head">
        <h1>Capture rules</h1>
        <span class="quiet">
          {base.revision ? <>revision {base.revision}{base.author && `, by ${base.author}`}{base.changed && <>, <Ago t={base.changed} /></>}</> : 'none written yet'}
        </span>
      </div>
      <p class="quiet lead">
        The first rule that holds for a call decides what is kept of its packets, on the sensor’s own disk. A sensor’s local rules come first, then these. A change reaches every sensor that is online within a second.
      </p>
      {problem && <ProblemBox problem={problem} />}
      {theirs && (
        <Conflict
          base={base} mine={text} theirs={theirs}
          take={(t) => {
            setBase(theirs);
            setText(t);
            setTheirs(null);
          }}
        />
      )}
      {call && may && <FromCall id={call} text={text} insert={(t, rule) => {
        edit(t);
        setAct({ at: t.indexOf(rule) });
      }} />}
      <div class={may ? 'rules-two' : ''}>
        <section class="panel" aria-labelledby="rule-text">
          <div class="panel-head">
            <h2 id="rule-text">{may ? 'Rules' : 'Rules, read-only'}</h2>
            {may ? (
              <span class="buttons">
                {dirty && <button type="button" class="quiet-button" onClick={() => { setTheirs(null); setText(base.text); load(); keepDraft(null); }}>Discard</button>}
                <button type="button" class="primary" onClick={save} disabled={!dirty || busy || !!error}>{busy ? 'Saving …' : 'Save'}</button>
              </span>
            ) : (
              <span class="quiet">Changing them needs the right “rules”.</span>
            )}
          </div>
          {!may && !text && <p class="quiet">None are written: nothing is kept of any call, unless a sensor’s local rules say so.</p>}
          {(may || text) && <Editor value={text} change={edit} fields={fields} error={error} label="Capture rules" describedBy="rule-verdict" readOnly={!may} save={save} act={act} />}
          {may && <Verdict
            id="rule-verdict" check={check} text={text} saved={saved} dirty={dirty} jump={jump}
            fix={may && error ? (word) => {
              const at = place(text, error.line, error.column);
              setAct({ at, write: { to: at + wordAt(text, at).length, text: word } });
            } : null}
          />}
        </section>
        {may && <DryRun check={check} jump={(name) => jump(lineOf(text, name))} />}
      </div>
      <SensorRulesPanel revision={base.revision} />
      <RuleHistory revision={base.revision} restore={may ? (t) => {
        edit(t);
        setAct({ at: 0 });
      } : null} />
    </div>
  );
}

// wordAt is the word that begins at an offset, as the error means it.
const wordAt = (text: string, at: number) => /^[^\s()":=!<>~#]+|^./.exec(text.slice(at))?.[0] ?? '';

export interface Checked {
  result: RuleCheck | null;
  problem: Problem | null;
  waiting: boolean; // the result is of an earlier text
}

// useCheck asks hosted what it makes of a text, a moment after the last change.
function useCheck(text: string, ready: boolean): Checked {
  const [state, setState] = useState<Checked>({ result: null, problem: null, waiting: true });
  const first = useRef(true);
  useEffect(() => {
    if (!ready) return;
    const control = new AbortController();
    setState((s) => ({ ...s, waiting: true }));
    const timer = setTimeout(
      () => {
        api.checkRules(text, control.signal).then(
          (result) => setState({ result, problem: null, waiting: false }),
          (e) => aborted(e) || setState((s) => ({ ...s, problem: asProblem(e), waiting: false })),
        );
      },
      first.current ? 0 : TYPING_MS,
    );
    first.current = false;
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [text, ready]);
  return useMemo(() => state, [state]);
}
