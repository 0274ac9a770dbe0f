package doctor

import (
	"context"
	"fmt"

	"voiptop/protocol"
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
		return warning(fmt.Sprintf("%d of %d running calls are beyond the limit, %d since sensord started", now, h.Running, over), why, remedy)
	case over > 0:
		return warning(fmt.Sprintf("%d calls since sensord started were beyond the limit; none now", over), why, remedy)
	}
	if a, err := e.Hello(ctx); err == nil {
		return ok("%d calls run, of at most %d", h.Running, a.Limits.MaxChannels)
	}
	return ok("%d calls run, none was beyond the limit", h.Running)
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
		captures = fmt.Sprintf("captures %d days on this machine", c.MaxPoolDays)
	}
	return ok("calls %d days in hosted, %s", a.Limits.Days, captures)
}
