package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/sensors"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

func TestMetricsByTenantAreBoundedAndAnAdministratorSeesOnesOwn(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	m := newMetrics(func() time.Time { return now })
	var failing error
	m.tenants.tenants = func(context.Context) (all []store.Tenant, err error) {
		for i := range maxTenants + 2 {
			all = append(all, store.Tenant{ID: store.TenantID(maxTenants + 2 - i), Name: fmt.Sprintf("t%d", maxTenants+2-i), MaxChannels: 2000})
		}
		return all, failing
	}
	m.tenants.uses = func() map[store.TenantID]sensors.Use {
		return map[store.TenantID]sensors.Use{1: {Sensors: 2, Running: 30, OverLimit: 4}, maxTenants + 1: {Running: 1}, maxTenants + 2: {Running: 2}}
	}
	m.tenants.count(1, []protocol.CDR{{}, {OverLimit: true}, {OverLimit: true}})
	m.tenants.count(maxTenants+2, []protocol.CDR{{}})
	get := func(h http.Handler) string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return w.Body.String()
	}
	check := func(who, got string, want map[string]bool) {
		t.Helper()
		for line, there := range want {
			if strings.Contains(got, line+"\n") != there {
				t.Errorf("%s: %q is there: %v, want %v", who, line, !there, there)
			}
		}
	}
	all := get(m.handler())
	mine := map[string]bool{
		`hosted_tenant_calls_running{tenant="t1"} 30`: true, `hosted_tenant_calls_over_limit{tenant="t1"} 4`: true, `hosted_tenant_sensors_online{tenant="t1"} 2`: true,
		`hosted_tenant_channels_limit{tenant="t1"} 2000`: true, `hosted_tenant_cdrs_total{tenant="t1"} 3`: true, `hosted_tenant_cdrs_over_limit_total{tenant="t1"} 2`: true,
	}
	check("operator", all, mine)
	check("operator", all, map[string]bool{
		`hosted_tenant_calls_running{tenant="*other*"} 3`: true, `hosted_tenant_cdrs_total{tenant="*other*"} 1`: true, `hosted_tenant_channels_limit{tenant="*other*"} 4000`: true,
	})
	if n := strings.Count(all, "hosted_tenant_cdrs_total{"); n != maxTenants+1 {
		t.Errorf("%d tenants have a label, want %d and the others together", n, maxTenants)
	}
	own := get(m.of("t1"))
	check("t1's administrator", own, mine)
	if n := strings.Count(own, "hosted_tenant_cdrs_total{"); n != 1 {
		t.Errorf("t1's administrator sees %d tenants", n)
	}
	check("one of the others", get(m.of(fmt.Sprintf("t%d", maxTenants+2))), map[string]bool{fmt.Sprintf(`hosted_tenant_calls_running{tenant="t%d"} 2`, maxTenants+2): true})

	failing, now = errors.New("the store is away"), now.Add(time.Hour)
	check("operator, while the store is away", get(m.handler()), mine)
}
