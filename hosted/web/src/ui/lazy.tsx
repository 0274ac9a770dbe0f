// lazy makes a page whose code is loaded when it is opened first: the calls list, which most people come for, does not wait for
// it.

import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ProblemBox } from './bits';

export function lazy<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let known: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [page, setPage] = useState<{ of: ComponentType<P> } | null>(known && { of: known });
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      let here = true;
      if (!known) {
        load().then(
          (p) => {
            known = p;
            if (here) setPage({ of: p });
          },
          () => here && setFailed(true),
        );
      }
      return () => {
        here = false;
      };
    }, []);
    if (failed) {
      const problem = { code: 'page-not-loaded', status: 0, title: 'This page could not be loaded', detail: 'The server was updated meanwhile, or does not answer.', remedy: 'Load it anew.' };
      return <div class="page narrow"><ProblemBox problem={problem} retry={() => location.reload()} /></div>;
    }
    return page && <page.of {...props} />;
  };
}
