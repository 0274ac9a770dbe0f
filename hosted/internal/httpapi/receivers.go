package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"voiptop/hosted/internal/alert"
	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/protocol"
)

type receiverAnswer struct {
	ID      int64         `json:"id"`
	Author  string        `json:"author"`
	Changed protocol.Time `json:"changed"`
	alert.Receiver
}

func receiverOf(x store.Receiver, r alert.Receiver) receiverAnswer {
	r = r.Masked()
	r.Addresses = append([]string{}, r.Addresses...)
	return receiverAnswer{x.ID, x.Author, protocol.TimeOf(x.Changed), r}
}

func (a *api) receivers(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	all, err := a.Store.Receivers(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	out := make([]receiverAnswer, len(all))
	for i, x := range all {
		var to alert.Receiver
		if err := json.Unmarshal(x.Spec, &to); err != nil {
			return fmt.Errorf("receiver %d: %w", x.ID, err)
		}
		out[i] = receiverOf(x, to)
	}
	return writeJSON(w, out)
}

// readReceiver reads a receiver with its secrets.
func (a *api) readReceiver(ctx context.Context, id auth.Identity, n int64) (x store.Receiver, to alert.Receiver, err error) {
	if x, err = a.Store.Receiver(ctx, id.Tenant, n); err != nil {
		return x, to, err
	}
	if err = json.Unmarshal(x.Spec, &to); err != nil {
		err = fmt.Errorf("receiver %d: %w", n, err)
	}
	return x, to, err
}

func (a *api) receiverOfPath(r *http.Request, id auth.Identity) (x store.Receiver, to alert.Receiver, err error) {
	n, err := pathNumber(r, "receiver")
	if err != nil {
		return x, to, err
	}
	x, to, err = a.readReceiver(r.Context(), id, n)
	if errors.Is(err, store.ErrNotFound) {
		err = notFound("there is no such receiver")
	}
	return x, to, err
}

// saveReceiver makes a receiver, or replaces the one that the path names. What is masked in the request stays as it was.
func (a *api) saveReceiver(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	var to, old alert.Receiver
	x := store.Receiver{Tenant: id.Tenant}
	made := r.Method == http.MethodPost
	if !made {
		var err error
		if x, old, err = a.receiverOfPath(r, id); err != nil {
			return err
		}
	}
	if err := readJSON(w, r, &to); err != nil {
		return err
	}
	to.Keep(old)
	if err := to.Check(); err != nil {
		return alertProblem(err)
	}
	if to.Kind == alert.KindMail && !a.Watch.HasMail() {
		return badRequest("kind", "mail cannot be sent: it is not set up", "start hosted with --smtp and --smtp-from")
	}
	var err error
	if x.Spec, err = json.Marshal(to); err != nil {
		return fmt.Errorf("encode receiver: %w", err)
	}
	x.Author, x.Changed = id.Name, a.Now()
	if made {
		x, err = a.Store.CreateReceiver(r.Context(), x, alert.MaxReceivers)
		if errors.Is(err, store.ErrFull) {
			return full("receivers", alert.MaxReceivers)
		}
	} else {
		err = a.Store.UpdateReceiver(r.Context(), x)
	}
	if err != nil {
		return err
	}
	if err := a.record(r, id, actionReceiver, alertObject(x.ID, to.Name), 0, receiverDetail(to, old)); err != nil {
		return err
	}
	return writeJSON(w, receiverOf(x, to))
}

// receiverDetail says in the audit log where a receiver leads, and whether that changed, without its secrets.
func receiverDetail(to, old alert.Receiver) string {
	m := to.Masked()
	text := string(to.Kind) + " " + m.URL + strings.Join(to.Addresses, " ")
	if old.URL != "" && old.URL != to.URL {
		text += ", another URL"
	}
	if old.Key != to.Key && old.Name != "" {
		text += ", another key"
	}
	return text
}

// removeReceiver refuses while an alert tells the receiver: nobody is to be left untold unnoticed.
func (a *api) removeReceiver(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	x, to, err := a.receiverOfPath(r, id)
	if err != nil {
		return err
	}
	all, err := a.Store.Alerts(r.Context(), id.Tenant)
	if err != nil {
		return err
	}
	var names []string
	for _, y := range all {
		var s alert.Spec
		if err := json.Unmarshal(y.Spec, &s); err != nil {
			return fmt.Errorf("alert %d: %w", y.ID, err)
		}
		if slices.Contains(s.Receivers, x.ID) {
			names = append(names, s.Name)
		}
	}
	if len(names) > 0 {
		return &protocol.Problem{
			Code: codeInUse, Status: http.StatusConflict, Title: fmt.Sprintf("%d alerts tell this receiver", len(names)),
			Detail: strings.Join(names[:min(len(names), 10)], ", "), Remedy: "take it out of them first",
		}
	}
	if err := a.Store.DeleteReceiver(r.Context(), id.Tenant, x.ID); err != nil {
		return err
	}
	if err := a.record(r, id, actionRemoved, alertObject(x.ID, to.Name), 0, ""); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) testReceiver(w http.ResponseWriter, r *http.Request, id auth.Identity) error {
	x, to, err := a.receiverOfPath(r, id)
	if err != nil {
		return err
	}
	spec := alert.Spec{Name: "test of the receiver " + to.Name, Metric: alert.Calls, Note: "Sent by " + id.Name + "."}
	spec.Defaults()
	c, err := alert.NewCounter(0, spec, a.Watch.Reader(r.Context(), id.Tenant))
	if err != nil {
		return err
	}
	return writeJSON(w, a.test(r, id, c, x.ID, to))
}
