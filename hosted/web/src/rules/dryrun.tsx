// What hosted says of a rule text: what is wrong with it and where, or what each rule would have kept of past calls.

import type { RuleCount } from '../api/types';
import type { Checked } from '../pages/rules';
import { bytes, count, plural } from '../format';
import { Moment, ProblemBox, SeverityIcon } from '../ui/bits';
import { KEPT } from '../words';

const ROWS = 200; // rules that are listed; of more, those that decide for a call

interface VerdictProps {
  id: string;
  check: Checked;
  text: string;
  saved: number; // revision, 0: not just saved
  dirty: boolean;
  jump: (line: number, column: number) => void;
  fix: ((word: string) => void) | null;
}

// Verdict stands below the editor; it is spoken when it changes.
export function Verdict({ id, check, text, saved, dirty, jump, fix }: VerdictProps) {
  const e = check.result?.error;
  return (
    <div id={id} class="verdict" role="status">
      {check.problem ? (
        <span class="quiet">Not checked: {check.problem.title}</span>
      ) : e ? (
        <>
          <SeverityIcon severity="bad" />
          <div>
            <p><button type="button" class="link" onClick={() => jump(e.line, e.column)}>Line {e.line}, column {e.column}</button>: found {e.found}, expected {e.expected}.</p>
            {e.nearest && fix && (
              <p>
                <button type="button" onClick={() => fix(e.nearest)} data-action="fix">
                  Write <code>{e.nearest}</code>
                </button>
              </p>
            )}
          </div>
        </>
      ) : saved ? (
        <span><span class="severity ok">✓</span> Saved as revision {saved}. The sensors below say when it is in force.</span>
      ) : check.waiting ? (
        <span class="quiet">Checking …</span>
      ) : (
        <span class="quiet">
          {text.trim() ? `${plural(check.result?.rules.length ?? 0, 'rule')}, no error.` : 'No rules: nothing is kept of any call, unless a sensor’s local rules say so.'}
          {dirty && ' Not saved yet.'}
        </span>
      )}
    </div>
  );
}

// DryRun shows the rules by what they would have kept of the newest past calls.
export function DryRun({ check, jump }: { check: Checked; jump: (name: string) => void }) {
  const result = check.result;
  const rules = result?.ok ? result.rules : [];
  const shown = rules.length > ROWS ? rules.filter((r) => r.calls > 0).slice(0, ROWS) : rules;
  const most = shown.reduce((n, r) => Math.max(n, r.calls), 1);
  return (
    <section class={check.waiting ? 'panel dry-run waiting' : 'panel dry-run'} aria-labelledby="dry-run">
      <h2 id="dry-run">What they would keep</h2>
      {check.problem && <ProblemBox problem={check.problem} />}
      {check.result?.error ? (
        <p class="quiet">As soon as the text is right, each rule shows here how many of the newest past calls it decides for, and how much it would have kept.</p>
      ) : rules.length === 0 ? (
        <p class="quiet">{check.waiting ? 'Asking …' : 'No rule, so nothing.'}</p>
      ) : (
        <>
          <table class="data">
            <thead>
              <tr><th>Rule</th><th class="n">Calls</th><th class="n">Bytes</th></tr>
            </thead>
            <tbody>
              {shown.map((r) => (
                <tr key={r.name} data-rule={r.name}>
                  <td>
                    <button type="button" class="link" onClick={() => jump(r.name)}>{r.name}</button> <small class="quiet">{KEPT[r.keep]}</small>
                    <span class="share" style={{ '--share': String(r.calls / most) }} aria-hidden="true" />
                  </td>
                  <td class="n">{r.calls ? count(r.calls) : <span class="quiet">none</span>}</td>
                  <td class="n">{r.calls ? bytes(r.bytes) : ''}</td>
                </tr>
              ))}
            </tbody>
            <tfoot>
              <tr><th>Together</th><td class="n">{count(sum(rules, (r) => r.calls))}</td><td class="n">{bytes(sum(rules, (r) => r.bytes))}</td></tr>
            </tfoot>
          </table>
          {shown.length < rules.length && <p class="quiet">{plural(rules.length - shown.length, 'rule')} more {shown.length < ROWS ? 'would have kept nothing' : 'are not listed'}.</p>}
          <p class="quiet">
            {result!.checked === 0 ? 'There are no past calls yet to try them on.' : <>Tried on the newest {plural(result!.checked, 'call')}, back to <Moment t={result!.oldest} />. Sensors’ local rules, which come first, are not counted in.</>}
          </p>
          {result!.unseen.length > 0 && <p class="quiet">Conditions on {result!.unseen.map((h) => `header.${h}`).join(', ')} count as not true here: records of past calls do not hold these header fields.</p>}
        </>
      )}
    </section>
  );
}

const sum = (list: RuleCount[], f: (r: RuleCount) => number) => list.reduce((n, r) => n + f(r), 0);
