package screen

import (
	"context"
	"fmt"
	"io"

	"voiptop/protocol"
	"voiptop/tui/internal/plural"
	"voiptop/tui/internal/redact"
	"voiptop/tui/internal/sipp"
	"voiptop/tui/source"
)

// fillScenarios writes scenarios of sipp of the calls, each of several in a folder of its own. Redacted there is no voice.
func (e *env) fillScenarios(ctx context.Context, calls []*protocol.CDR, red *redact.Redactor, w io.Writer, j *job) (note string, err error) {
	var mask func(*source.Text)
	if red != nil {
		mask = func(t *source.Text) {
			t.CallID, t.Src, t.Dst, t.Raw = red.ID(t.CallID), red.Endpoint(t.Src), red.Endpoint(t.Dst), red.Message(t.Raw)
		}
	}
	tell := func(done, total int64) {
		j.done.Store(done)
		j.total.Store(total)
	}
	var files []sipp.File
	missing := 0
	for i, c := range calls {
		list, failed := sipp.Export(ctx, e.Source, c, tell, mask)
		if failed != nil {
			missing++
			err = failed
			continue
		}
		for _, f := range list {
			if len(calls) > 1 {
				f.Name = fmt.Sprintf("%d/%s", i+1, f.Name)
			}
			files = append(files, f)
		}
	}
	if files == nil {
		return "", err
	}
	if missing > 0 {
		note = fmt.Sprintf("%d of %s not in it (%s); ", missing, plural.Of(len(calls), "call"), headline(err))
	}
	return note, sipp.Zip(w, calls[0].Start.Std(), files)
}
