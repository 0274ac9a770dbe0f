package postgres_test

import (
	"encoding/json"
	"testing"
	"time"

	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/sqlstore"
	"voiptop/protocol"
)

// alertTables are those of alerts that are a tenant's.
var alertTables = []string{"alerts", "alert_states", "alert_receivers", "alert_silences", "alert_incidents", "alert_notices", "alert_counts", "alert_sensors"}

func TestWhatIsReadOfAlertsHoldsNoOthersRowsWhateverIsAsked(t *testing.T) {
	s := openAt(t, newDatabase(t), sqlstore.Options{})
	now := time.Now()
	var tenants []store.TenantID
	for _, name := range []string{"a", "b"} {
		tn, err := s.CreateTenant(t.Context(), name)
		check(t, err)
		a, err := s.CreateAlert(t.Context(), store.Alert{Tenant: tn.ID, Spec: json.RawMessage("{}"), Changed: now}, 10)
		check(t, err)
		_, err = s.CreateReceiver(t.Context(), store.Receiver{Tenant: tn.ID, Spec: json.RawMessage(`{"url":"secret"}`), Changed: now}, 10)
		check(t, err)
		_, err = s.CreateSilence(t.Context(), store.Silence{Tenant: tn.ID, From: now, To: now.Add(time.Hour)}, 10)
		check(t, err)
		_, err = s.Lease(t.Context(), "alerts", "me", now, time.Minute)
		check(t, err)
		check(t, s.SaveEvaluation(t.Context(), "alerts", "me", now, store.Evaluation{
			Tenant: tn.ID, Alert: a.ID, State: json.RawMessage("{}"), Incident: &store.Incident{ID: name, Tenant: tn.ID, Alert: a.ID, Started: now, Data: json.RawMessage("{}")},
			Notices: []store.Notice{{Tenant: tn.ID, Incident: name, Body: json.RawMessage("{}"), Created: now}},
		}))
		check(t, s.PutAlertCounts(t.Context(), "n", []store.AlertCounts{{Tenant: tn.ID, Alert: a.ID, At: protocol.TimeOf(now), Data: json.RawMessage("{}")}}))
		check(t, s.PutSensorsSeen(t.Context(), []store.SensorSeen{{Tenant: tn.ID, Sensor: protocol.UUID{1}, At: now}}))
		tenants = append(tenants, tn.ID)
	}
	for _, table := range alertTables {
		for _, tenant := range tenants {
			check(t, s.AsTenant(t.Context(), tenant, func(db sqlstore.Querier) error {
				rows, err := db.QueryContext(t.Context(), `SELECT tenant FROM `+table) // a statement that forgot its tenant
				check(t, err)
				defer rows.Close()
				n := 0
				for rows.Next() {
					var got store.TenantID
					check(t, rows.Scan(&got))
					if got != tenant {
						t.Errorf("%s for tenant %d holds a row of %d", table, tenant, got)
					}
					n++
				}
				if n != 1 {
					t.Errorf("%s for tenant %d: %d rows, want 1", table, tenant, n)
				}
				return rows.Err()
			}))
		}
	}
}
