package doctor

import (
	"context"
	"fmt"

	"voiptop/protocol"
	"voiptop/tui/internal/plural"
)

var limitChecks = []Check{
	{Code: "channels", Group: "limits", Title: "calls at a time are below the tenant's limit", Needs: []string{"sensord-socket"}, Run: checkChannels},
	{Code: "retention", Group: "limits", Title: "how long hosted keeps calls", Needs: []string{"hello"}, Run: checkRetention},
}

func checkChannels(ctx context.Context, e *Env) Result {
	h, err := e.Health(ctx)
	if err != nil {
		return skip("sensord does not answer")
	}
	over, now := h.Counters[protocol.CountOverLimit], h.Counters[protocol.CountOverLimitNow]
	const why = "they have a record of their SIP, without streams and MOS"
	const remedy = "ask whoever runs hosted: hosted tenant set NAME --max-channels N"
	switch {
	case now > 0:
		return warning(fmt.Sprintf("beyond the limit: %d of %s, %d since sensord started", now, plural.Of(h.Running, "running call"), over), why, remedy)
	case over > 0:
		return warning(fmt.Sprintf("beyond the limit: none now, %s since sensord started", plural.Of(over, "call")), why, remedy)
	}
	if a, err := e.Hello(ctx); err == nil {
		return ok("%s, of at most %d", plural.Of(h.Running, "running call"), a.Limits.MaxChannels)
	}
	return ok("%s, none was beyond the limit", plural.Of(h.Running, "running call"))
}

func checkRetention(ctx context.Context, e *Env) Result {
	a, err := e.Hello(ctx)
	switch {
	case err != nil:
		return skip("hosted does not answer")
	case a.Limits.Days == 0:
		return skip("this hosted does not say")
	}
	c := e.config()
	captures := "captures as long as the disk lasts"
	if c.MaxPoolDays > 0 {
		captures = fmt.Sprintf("captures %s on this machine", plural.Of(c.MaxPoolDays, "day"))
	}
	return ok("calls %s in hosted, %s", plural.Of(a.Limits.Days, "day"), captures)
}
