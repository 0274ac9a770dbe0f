// "Export": the records of what the search finds, as CSV or JSON lines; first how many.

import { useEffect, useMemo, useState } from 'preact/hooks';
import { aborted, asProblem } from '../api/client';
import { searchAPI, type Count } from '../api/search';
import type { Problem } from '../api/types';
import { DownloadButton } from '../download/button';
import { count, plural } from '../format';
import { COLUMNS, type Column } from '../pages/columns';
import { usePrefs } from '../prefs';
import { apiQuery, describe, type Filter } from '../query';
import { rfc3339, zoneName } from '../time';
import { ProblemBox } from '../ui/bits';

type Form = 'csv' | 'ndjson';

export function Export({ filter, columns }: { filter: Filter; columns: Column[] }) {
  const { zone } = usePrefs();
  const [found, setFound] = useState<Count | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [form, setForm] = useState<Form>('csv');
  const [all, setAll] = useState(false);
  // The end is fixed, so that what is counted is what is exported.
  const query = useMemo(() => {
    const now = Date.now() * 1000;
    const q = apiQuery(filter, now, 0);
    if (!q.has('to')) q.set('to', rfc3339(now));
    return q;
  }, [filter]);
  useEffect(() => {
    const control = new AbortController();
    searchAPI.count(query, control.signal).then(setFound, (e) => aborted(e) || setProblem(asProblem(e)));
    return () => control.abort();
  }, [query]);
  if (problem) return <ProblemBox problem={problem} />;

  const path = new URLSearchParams(query);
  if (form === 'csv') {
    if (!all) path.set('columns', columns.map((c) => c.name).join(','));
    path.set('zone', zoneName(zone));
  }
  const asked = describe(filter);
  return (
    <div class="tools-form">
      <p>
        {asked.length > 0 && <>Asked for: {asked.join(', ')}. </>}
        <strong data-found={found?.calls}>{found ? number(found) : 'Counting …'}</strong>
      </p>
      <div class="segments" role="group" aria-label="Format">
        <button type="button" aria-pressed={form === 'csv'} onClick={() => setForm('csv')}>CSV</button>
        <button type="button" aria-pressed={form === 'ndjson'} onClick={() => setForm('ndjson')}>JSON lines</button>
      </div>
      {form === 'csv' ? (
        <>
          <label class="check"><input type="checkbox" checked={all} onChange={(e) => setAll(e.currentTarget.checked)} /> All {COLUMNS.length} columns, not only the {columns.length} of the list</label>
          <p class="quiet">Times are in {zoneName(zone)}, as on this page; the head of the table says so. Cells that a spreadsheet would take for formulas have an apostrophe before them.</p>
        </>
      ) : (
        <p class="quiet">A JSON object a line, with all that the list knows of a call. Times are in UTC.</p>
      )}
      <DownloadButton key={`${form}?${path}`} path={`/calls.${form}?${path}`} name={`calls.${form}`} size={found && found.complete ? 0 : LARGE} about primary action="export">Export</DownloadButton>
    </div>
  );
}

// LARGE is a size that the page leaves to the browser's own downloads: more calls than are counted.
const LARGE = 300e6;

function number(n: Count): string {
  if (n.complete) return plural(n.calls, 'call');
  return `${n.searched ? 'At least' : 'More than'} ${count(n.calls)} calls`;
}
