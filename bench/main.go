// Bench compares PROTO-RPC with grpc-go and connect-go in one run and prints a table. README.md says how to read it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/protomicro/micro/bench/peer"
	"github.com/protomicro/micro/bench/rig"
	"github.com/protomicro/micro/bench/scenario"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if handled, err := rig.Child(ctx, os.Args[1:], os.Stdin, os.Stdout); handled {
		return err
	}
	seconds := flag.Float64("seconds", 3, "how long each slice is")
	rounds := flag.Int("rounds", 3, "slices of each scenario for each peer")
	peers := flag.String("peers", "", "which peers, with commas between them, the one to compare with first; default all:\n"+
		names(peer.All(), func(p peer.Peer) string { return p.Name }))
	scenarios := flag.String("scenarios", "", "which scenarios, with commas between them; default all:\n"+
		names(scenario.All(), func(s scenario.Scenario) string { return s.Name }))
	profile := flag.String("profile", "", "a directory for CPU and allocation profiles of every process")
	flag.Parse()

	cfg := rig.Config{
		Slice: time.Duration(*seconds * float64(time.Second)), Rounds: *rounds, Profiles: *profile, Progress: os.Stderr,
	}
	var err error
	if cfg.Peers, err = choose("peer", *peers, peer.All(), peer.Find); err != nil {
		return err
	}
	if cfg.Scenarios, err = choose("scenario", *scenarios, scenario.All(), scenario.Find); err != nil {
		return err
	}
	if *profile != "" {
		if err := os.MkdirAll(*profile, 0o750); err != nil {
			return err
		}
	}
	report, err := rig.Run(ctx, cfg)
	if err != nil {
		return err
	}
	return report.Write(os.Stdout)
}

// choose returns what list names, or all if it is empty.
func choose[T any](what, list string, all []T, find func(string) (T, bool)) ([]T, error) {
	if list == "" {
		return all, nil
	}
	var chosen []T
	for name := range strings.SplitSeq(list, ",") {
		v, ok := find(name)
		if !ok {
			return nil, fmt.Errorf("there is no %s %q: try -help", what, name)
		}
		chosen = append(chosen, v)
	}
	return chosen, nil
}

func names[T any](all []T, name func(T) string) string {
	list := make([]string, len(all))
	for i, v := range all {
		list[i] = name(v)
	}
	return strings.Join(list, ",")
}
