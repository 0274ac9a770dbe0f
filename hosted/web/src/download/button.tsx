// A download on the page: asks, shows how far it is, can be cancelled, says why it failed and goes on from there.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { aborted, asProblem, request } from '../api/client';
import type { Problem } from '../api/types';
import { bytes } from '../format';
import { ProblemBox } from '../ui/bits';
import { Icon } from '../ui/icons';
import { Fetcher, type Progress } from './fetch';

// What is larger is left to the browser's own downloads, which write to the disk as it comes.
const IN_PAGE = 256e6; // bytes

interface Props {
  path: string; // below /api/v1
  name: string; // of the file, where the server offers none
  size: number; // bytes as far as known before, 0: not
  about?: boolean; // size is an estimate
  primary?: boolean;
  action: string; // for tests
  children: ComponentChildren;
}

export function DownloadButton({ path, name, size, about, primary, action, children }: Props) {
  const [progress, setProgress] = useState<Progress | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [said, setSaid] = useState('');
  const fetcher = useRef<Fetcher | null>(null);
  const control = useRef<AbortController | null>(null);
  useEffect(() => () => control.current?.abort(), []);

  async function start() {
    setProblem(null);
    setSaid('');
    if (size > IN_PAGE) {
      // A download of the browser's own that fails shows no reason, so it is asked first. A zip cannot be asked for a part.
      const ask = about ? null : await request('GET', path, { headers: { Range: 'bytes=0-0' } }).then((r) => void r.body?.cancel(), asProblem);
      if (ask) return setProblem(ask);
      save(`/api/v1${path}`, '');
      setSaid('The browser downloads it; see its list of downloads for progress and to cancel.');
      return;
    }
    fetcher.current ??= new Fetcher(path, name);
    control.current = new AbortController();
    setProgress({ got: 0, total: null });
    try {
      const file = await fetcher.current.run(setProgress, control.current.signal);
      const url = URL.createObjectURL(file.blob);
      save(url, file.name);
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
      setSaid(`Saved ${file.name}, ${bytes(file.blob.size)}.`);
      fetcher.current = null;
    } catch (e) {
      if (aborted(e)) {
        setSaid('Cancelled; the sensor has stopped reading.');
        fetcher.current = null;
      } else setProblem(asProblem(e));
    }
    setProgress(null);
  }

  const total = progress?.total ?? (progress && size > progress.got ? size : null);
  return (
    <div class="download">
      {progress ? (
        <p class="progress">
          <progress value={total ? progress.got : undefined} max={total ?? undefined} aria-label={`Download of ${name}`} />
          <span role="status">{bytes(progress.got)}{total ? ` of ${about && progress.total === null ? 'about ' : ''}${bytes(total)}` : ''}</span>
          <button type="button" onClick={() => control.current?.abort()} data-action="cancel">Cancel</button>
        </p>
      ) : (
        <button type="button" class={primary ? 'primary' : ''} onClick={start} data-action={action}>
          <Icon name="pcap" /> {children} {size > 0 && <small>{about && 'about '}{bytes(size)}</small>}
        </button>
      )}
      {said && <p class="quiet" role="status">{said}</p>}
      {problem && <ProblemBox problem={problem} retry={start} />}
    </div>
  );
}

export function save(href: string, name: string) {
  const a = Object.assign(document.createElement('a'), { href, download: name });
  document.body.append(a);
  a.click();
  a.remove();
}
