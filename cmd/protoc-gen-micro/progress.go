package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// A progress tells a person what a long run is at. It says nothing before the run has become long.
type progress struct {
	w    io.Writer
	done chan struct{}
	wg   sync.WaitGroup

	mu    sync.Mutex // guards below
	stage string
	shown bool // the run is long
}

// startProgress returns a progress that writes to w, if that is a terminal, from the given delay on. It must be stopped.
func startProgress(w io.Writer, terminal bool, delay time.Duration) *progress {
	p := &progress{w: w, done: make(chan struct{})}
	if !terminal {
		return p
	}
	p.wg.Go(func() {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-p.done:
		case <-timer.C:
			p.mu.Lock()
			defer p.mu.Unlock()
			p.shown = true
			p.show()
		}
	})
	return p
}

// say sets what the run is at.
func (p *progress) say(stage string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stage = stage
	if p.shown {
		p.show()
	}
}

func (p *progress) show() { _, _ = fmt.Fprintf(p.w, "\r\x1b[K%s: %s", name, p.stage) }

// stop ends p and leaves an empty line.
func (p *progress) stop() {
	close(p.done)
	p.wg.Wait()
	if p.shown {
		_, _ = io.WriteString(p.w, "\r\x1b[K")
	}
}
