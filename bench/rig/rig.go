// Package rig runs the scenarios against the peers: the two sides of each peer in processes of their own, one slice
// after the other, and the peers in turn, so that whatever else the machine does meets them all.
package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/protomicro/micro/bench/peer"
	"github.com/protomicro/micro/bench/scenario"
)

// A Config says what is run. The first peer is the one that the others are measured against.
type Config struct {
	Peers     []peer.Peer
	Scenarios []scenario.Scenario
	Slice     time.Duration // how long a scenario runs against a peer before the next peer's turn
	Rounds    int           // slices of each scenario for each peer
	Profiles  string        // a directory for profiles of all processes; empty for none
	Progress  io.Writer     // a line at the start of each scenario of each round
}

// warmUp is the part of a slice for which a scenario runs before it is measured.
const warmUp = 0.2

// A Report is what was measured.
type Report struct {
	cfg     Config
	samples [][][]sample // by scenario, peer and round
}

// A sample is one slice of one scenario for one peer.
type sample struct {
	scenario.Result
	client, server usage
	others         time.Duration // CPU that other processes used; it may be off by a tick or two, and then negative
	known          bool          // others is known
}

// Run starts a server and a client of each peer, measures, and ends them. The program must let [Child] handle its
// arguments.
func Run(ctx context.Context, cfg Config) (r *Report, err error) {
	var pairs []*pair
	defer func() {
		for _, p := range pairs {
			err = errors.Join(err, p.stop())
		}
	}()
	for _, p := range cfg.Peers {
		pair, err := startPair(ctx, p.Name, cfg.Profiles)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, pair)
	}
	r = &Report{cfg, make([][][]sample, len(cfg.Scenarios))}
	for i := range r.samples {
		r.samples[i] = make([][]sample, len(cfg.Peers))
	}
	for round := range cfg.Rounds {
		for i, s := range cfg.Scenarios {
			_, _ = fmt.Fprintf(cfg.Progress, "round %d of %d: %s\n", round+1, cfg.Rounds, s.Title)
			for j := range pairs {
				at := (j + round) % len(pairs) // nobody always comes first
				smp, err := pairs[at].measure(s.Name, cfg.Slice)
				if err != nil {
					return nil, err
				}
				r.samples[i][at] = append(r.samples[i][at], smp)
			}
		}
	}
	return r, nil
}

// measure runs a slice of a scenario.
func (p *pair) measure(name string, d time.Duration) (sample, error) {
	if _, err := p.client.do(order{name, time.Duration(warmUp * float64(d))}); err != nil {
		return sample{}, err
	}
	before, err := p.server.do(order{})
	if err != nil {
		return sample{}, err
	}
	self, start := used(), readClock()
	client, err := p.client.do(order{name, d})
	if err != nil {
		return sample{}, err
	}
	end, ours := readClock(), used().since(self)
	after, err := p.server.do(order{})
	if err != nil {
		return sample{}, err
	}
	s := sample{Result: client.Result, client: client.Usage, server: after.Usage.since(before.Usage), known: end.known}
	s.others = end.busySince(start) - s.client.CPU - s.server.CPU - ours.CPU
	if after.Conns != 1 {
		return sample{}, fmt.Errorf("the client of %v has made %d connections, not one", p.server.cmd.Args[1:], after.Conns)
	}
	return s, nil
}

// others returns the part of the machine that other processes had while scenario i ran, or in all scenarios if i is
// negative; false if that is not known.
func (r *Report) others(i int) (float64, bool) {
	var others, all time.Duration
	for at, peers := range r.samples {
		if i >= 0 && i != at {
			continue
		}
		for _, rounds := range peers {
			for _, s := range rounds {
				if !s.known {
					return 0, false
				}
				others += s.others
				all += s.Elapsed * time.Duration(runtime.NumCPU())
			}
		}
	}
	return max(0, float64(others)/float64(max(1, all))), true
}
