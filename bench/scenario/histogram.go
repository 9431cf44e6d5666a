package scenario

import (
	"math/bits"
	"time"
)

const (
	steps   = 32 // buckets per octave: quantiles are right within 3%
	octaves = 24
	finest  = 8 // 1<<finest ns is the end of the first bucket
)

// A histogram counts durations, from 256 ns to 4 s, in buckets of equal ratio.
type histogram [octaves * steps]uint32

func (h *histogram) add(d time.Duration) { h[bucket(d)]++ }

func (h *histogram) merge(other *histogram) {
	for i, n := range other {
		h[i] += n
	}
}

// quantile returns the duration below which the given part of all lie, or zero without any.
func (h *histogram) quantile(part float64) time.Duration {
	total := 0
	for _, n := range h {
		total += int(n)
	}
	if total == 0 {
		return 0
	}
	rank := int(part * float64(total))
	for i, n := range h {
		if rank -= int(n); rank < 0 {
			return middle(i)
		}
	}
	return middle(len(h) - 1)
}

func bucket(d time.Duration) int {
	if d < 1<<finest {
		return 0
	}
	octave := bits.Len64(uint64(d)) - 1
	step := int(d>>(octave-5)) - steps // 1<<5 is steps
	return min((octave-finest)*steps+step, octaves*steps-1)
}

// middle returns the duration in the middle of bucket i.
func middle(i int) time.Duration {
	octave, step := i/steps+finest, i%steps
	width := time.Duration(1) << (octave - 5)
	return time.Duration(steps+step)*width + width/2
}
