package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgress(t *testing.T) {
	const erase = "\r\x1b[K"
	for _, test := range []struct {
		name     string
		terminal bool
		stages   []time.Duration // how long each takes
		want     string
	}{
		{"short", true, []time.Duration{400 * time.Millisecond, 500 * time.Millisecond}, ""},
		{"long", true, []time.Duration{2 * time.Second, time.Millisecond}, erase + name + ": stage 0" + erase + name + ": stage 1" + erase},
		{"long at last", true, []time.Duration{0, 2 * time.Second}, erase + name + ": stage 1" + erase},
		{"no terminal", false, []time.Duration{2 * time.Second, 2 * time.Second}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out strings.Builder
				p := startProgress(&out, test.terminal, time.Second)
				for i, d := range test.stages {
					p.say("stage " + string(rune('0'+i)))
					time.Sleep(d) // of the bubble's clock
				}
				p.stop()
				if out.String() != test.want {
					t.Errorf("printed %q, want %q", out.String(), test.want)
				}
			})
		})
	}
}
