// "Download all found": the captures of what the filter finds, as one zip; first how many and how large.

import { useEffect, useRef, useState } from 'preact/hooks';
import { aborted, api, asProblem } from '../api/client';
import type { Problem, User } from '../api/types';
import { bytes, count, plural } from '../format';
import { apiQuery, describe, type Filter } from '../query';
import { rfc3339 } from '../time';
import { ProblemBox } from '../ui/bits';
import { Icon } from '../ui/icons';
import { DownloadButton } from './button';

interface Found {
  calls: number;
  bytes: number;
  limit: number; // 0: all
  query: URLSearchParams; // with times made absolute, so that what is counted is what is downloaded
}

export function DownloadAll({ filter, user }: { filter: Filter; user: User }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (open) dialog.current?.showModal();
  }, [open]);
  if (!user.rights.includes('download') || !user.rights.includes('numbers')) return null;
  return (
    <>
      <button type="button" class="quiet-button" onClick={() => setOpen(true)} data-action="all">
        <Icon name="pcap" /> <span class="wide-only">Download all found</span><span class="small-only">All</span>
      </button>
      {open && (
        <dialog ref={dialog} class="all-found" onClose={() => setOpen(false)} aria-labelledby="all-found">
          <h2 id="all-found">Download all found</h2>
          <All filter={filter} />
          <div class="buttons"><button type="button" onClick={() => dialog.current?.close()}>Close</button></div>
        </dialog>
      )}
    </>
  );
}

function All({ filter }: { filter: Filter }) {
  const [found, setFound] = useState<Found | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    const control = new AbortController();
    const query = apiQuery(filter, Date.now() * 1000, 0);
    query.set('kept', '1');
    if (!query.has('to')) query.set('to', rfc3339(Date.now() * 1000));
    api.archive(query, control.signal).then(
      (f) => {
        if (f.limit) query.set('limit', String(f.limit));
        setFound({ ...f, query });
      },
      (e) => aborted(e) || (asProblem(e).status === 404 ? setFound({ calls: 0, bytes: 0, limit: 0, query }) : setProblem(asProblem(e))),
    );
    return () => control.abort();
  }, [filter]);
  const asked = describe(filter);
  if (problem) return <ProblemBox problem={problem} />;
  if (!found) return <p class="quiet">Counting …</p>;
  if (found.calls === 0) return <p>No call {asked.length ? `of ${asked.join(', ')} ` : ''}has packets that were kept. Capture rules decide what is kept: see the page <a href="/rules">Rules</a>.</p>;
  return (
    <>
      <p>
        {asked.length > 0 && <>Asked for: {asked.join(', ')}. </>}
        <strong>{found.limit ? 'The newest ' : ''}{plural(found.calls, 'call')}</strong> with packets, <strong>about {bytes(found.bytes)}</strong>.
      </p>
      {found.limit > 0 && <p class="notice warn">There are more. One zip holds at most {count(found.limit)}; narrow the filter or its times to get the others.</p>}
      <p class="quiet">One pcapng for each call, and index.csv, which says of every call what there is, or why there is nothing: expired, or its sensor is offline.</p>
      <DownloadButton path={`/captures?${found.query}`} name="captures.zip" size={found.bytes} about primary action="zip">Download zip</DownloadButton>
    </>
  );
}
