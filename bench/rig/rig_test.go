package rig_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/protomicro/micro/bench/peer"
	"github.com/protomicro/micro/bench/rig"
	"github.com/protomicro/micro/bench/scenario"
	"github.com/protomicro/micro/internal/leakcheck"
)

// TestMain makes the test binary the children that Run starts.
func TestMain(m *testing.M) {
	handled, err := rig.Child(context.Background(), os.Args[1:], os.Stdin, os.Stdout)
	if !handled {
		leakcheck.Main(m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// figure is a number above zero with its unit, and for all peers but the first the ratio.
const (
	figure = `[1-9][0-9.]*( [nµm]?s)?|0\.[0-9]*[1-9][0-9]*`
	ratio  = ` \([0-9.]+\)`
)

func TestRun(t *testing.T) {
	call, _ := scenario.Find("64x100")
	down, _ := scenario.Find("down")
	dir := t.TempDir()
	var progress, table bytes.Buffer
	report, err := rig.Run(t.Context(), rig.Config{
		Peers: peer.All(), Scenarios: []scenario.Scenario{call, down},
		Slice: 50 * time.Millisecond, Rounds: 2, Profiles: dir, Progress: &progress,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Write(&table); err != nil {
		t.Fatal(err)
	}
	for i, p := range peer.All() {
		cell := "(" + figure + ")"
		if i > 0 {
			cell += ratio
		}
		row := regexp.MustCompile(`(?m)^\|[^|]*\| ` + p.Name + ` \|( ` + cell + ` \|){6}$`)
		if !row.MatchString(table.String()) {
			t.Errorf("no row with six figures of %s in\n%s", p.Name, &table)
		}
		for _, name := range []string{"server.cpu", "server.allocs", "client.cpu", "client.allocs"} {
			name = filepath.Join(dir, p.Name+"-"+name)
			if stat, err := os.Stat(name); err != nil || stat.Size() == 0 {
				t.Errorf("no profile %s: %v", name, err)
			}
		}
	}
	if n := strings.Count(table.String(), "| – |"); n == 0 {
		t.Errorf("the messages of a stream have a latency in\n%s", &table)
	}
	if _, err := os.Stat("/proc/stat"); err == nil && !strings.Contains(table.String(), "Other processes used") {
		t.Errorf("the load of the machine is not told in\n%s", &table)
	}
	if n := strings.Count(progress.String(), "\n"); n != 4 {
		t.Errorf("got %d lines of progress, want one for each scenario of each round:\n%s", n, &progress)
	}
}

func TestRun_Errors(t *testing.T) {
	cfg := rig.Config{
		Peers: peer.All()[:1], Scenarios: []scenario.Scenario{{Name: "none"}},
		Slice: time.Millisecond, Rounds: 1, Progress: new(bytes.Buffer),
	}
	if _, err := rig.Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), `no scenario "none"`) {
		t.Errorf("got %v, want the child's error", err)
	}
	cfg.Peers = []peer.Peer{{Name: "nobody"}}
	if _, err := rig.Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "did not start") {
		t.Errorf("got %v, want that the child did not start", err)
	}
}

func TestChild_NotAsked(t *testing.T) {
	for _, args := range [][]string{nil, {"-seconds", "3"}} {
		if handled, err := rig.Child(t.Context(), args, new(bytes.Buffer), new(bytes.Buffer)); handled || err != nil {
			t.Errorf("%q: got %v, %v", args, handled, err)
		}
	}
	if handled, err := rig.Child(t.Context(), []string{"client", "micro"}, new(bytes.Buffer), new(bytes.Buffer)); !handled || err == nil {
		t.Errorf("a client without an address: got %v, %v", handled, err)
	}
}
