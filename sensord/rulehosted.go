package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"voiptop/protocol"
	"voiptop/protocol/sensorapi"
	"voiptop/rules"
)

// hostedRules are the rules that hosted gave the sensor. They are kept in a file beside the sensor's other state, so that they
// hold when hosted cannot be reached. Its first line says their revision, and which sensor they were given to: one that is paired anew
// has another UUID and starts without.
type hostedRules struct {
	path     string // "": the sensor has no link
	log      *slog.Logger
	owner    protocol.UUID
	revision uint64 // in force; 0: none
	text     string
	set      *rules.Set        // nil: none
	problem  *protocol.Problem // why others are not in force
}

// hostedHead is the first line of the file.
const hostedHead = "# Rules of hosted for this sensor, revision %d of %s - to be changed there.\n"

// open reads the file. What cannot be used is not in force, and hosted gives it again.
func (h *hostedRules) open(path string, log *slog.Logger) {
	h.path, h.log = path, log
	raw, err := os.ReadFile(path)
	if err != nil {
		if !errors.Is(err, os.ErrNotExist) {
			log.Error("hosted's capture rules are not in force until hosted gives them again", "err", err)
		}
		return
	}
	var revision uint64
	var uuid string
	head, text, _ := strings.Cut(string(raw), "\n")
	if _, err = fmt.Sscanf(head, strings.TrimSuffix(hostedHead, "\n"), &revision, &uuid); err == nil {
		h.owner, err = protocol.ParseUUID(uuid)
	}
	if err != nil {
		log.Error("hosted's capture rules are not in force until hosted gives them again", "file", path, "err", fmt.Errorf("first line: %w", err))
		return
	}
	if err := h.put(revision, text); err != nil {
		log.Error("hosted's capture rules are not in force", "err", err)
	}
}

// put puts a text in force.
func (h *hostedRules) put(revision uint64, text string) error {
	set, err := rules.ParseHosted("hosted", text)
	if err != nil {
		h.problem = badRules(err)
		h.problem.Title = fmt.Sprintf("this sensor, version %s, cannot read hosted's capture rules, revision %d", protocol.Version, revision)
		h.problem.Remedy = "update the sensor, or write the rules without what it does not know"
		return h.problem
	}
	h.revision, h.text, h.set, h.problem = revision, text, set, nil
	return nil
}

func (h *hostedRules) report() *sensorapi.HostedRules {
	if h.revision == 0 && h.problem == nil {
		return nil
	}
	return &sensorapi.HostedRules{Revision: h.revision, Text: h.text, Problem: h.problem}
}

// paired tells which sensor this is for hosted. The rules of another are forgotten.
func (b *rulebook) paired(id protocol.UUID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := &b.hosted
	if h.owner == id {
		return
	}
	h.owner = id
	if h.revision == 0 && h.problem == nil {
		return
	}
	h.log.Info("the sensor was paired anew: the capture rules that hosted gave it before are forgotten", "revision", h.revision)
	h.revision, h.text, h.set, h.problem = 0, "", nil, nil
	if err := os.Remove(h.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		h.log.Error("remove hosted's capture rules", "err", err)
	}
	b.tell()
}

// replaceHosted puts the rules in force that hosted sends, and answers with those that are.
func (b *rulebook) replaceHosted(_ context.Context, r sensorapi.HostedRules) (sensorapi.HostedRules, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := &b.hosted
	if r.Revision != h.revision || r.Text != h.text {
		if err := h.put(r.Revision, r.Text); err != nil {
			h.log.Error("hosted's capture rules are not applied; the ones before stay in force", "revision", r.Revision, "in_force", h.revision, "err", err)
			return sensorapi.HostedRules{}, err
		}
		if err := writeFile(h.path, fmt.Appendf(nil, hostedHead+"%s", r.Revision, h.owner, r.Text)); err != nil {
			// They are in force until the sensor starts again; then it has its old ones, says so, and gets these once more.
			h.log.Error("hosted's capture rules are not stored", "err", err)
		}
		h.log.Info("capture rules of hosted applied", "rules", len(h.set.Rules), "revision", h.revision)
		b.tell()
	}
	h.problem = nil
	return sensorapi.HostedRules{Revision: h.revision, Text: h.text}, nil
}
