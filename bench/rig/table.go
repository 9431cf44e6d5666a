package rig

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// A column is one figure of a slice.
type column struct {
	title  string
	value  func(s *sample) float64
	format func(v float64) string
}

func columns() []column {
	perCall := func(total float64, s *sample) float64 { return total / float64(max(1, s.Calls)) }
	return []column{
		{"calls/s", func(s *sample) float64 { return float64(s.Calls) / s.Elapsed.Seconds() }, count},
		{"CPU/call", func(s *sample) float64 { return perCall(float64(s.client.CPU+s.server.CPU), s) }, duration},
		{"allocs, client", func(s *sample) float64 { return perCall(float64(s.client.Mallocs), s) }, number},
		{"allocs, server", func(s *sample) float64 { return perCall(float64(s.server.Mallocs), s) }, number},
		{"p50", func(s *sample) float64 { return float64(s.P50) }, duration},
		{"p99", func(s *sample) float64 { return float64(s.P99) }, duration},
	}
}

// Write writes the report as a table in Markdown. Figures are the medians over the rounds, and beside them the medians
// of the ratios to what the first peer had in the same round.
func (r *Report) Write(w io.Writer) error {
	var text strings.Builder
	cols := columns()
	text.WriteString("| scenario | peer |")
	for _, c := range cols {
		text.WriteString(" " + c.title + " |")
	}
	text.WriteString("\n|---|---|" + strings.Repeat("--:|", len(cols)) + "\n")
	for i, s := range r.cfg.Scenarios {
		for j, p := range r.cfg.Peers {
			title := s.Title
			if j > 0 {
				title = ""
			}
			fmt.Fprintf(&text, "| %s | %s |", title, p.Name)
			for _, c := range cols {
				fmt.Fprintf(&text, " %s |", c.cell(r.samples[i][j], r.samples[i][0], j > 0))
			}
			text.WriteString("\n")
		}
	}
	r.footer(&text)
	_, err := io.WriteString(w, text.String())
	return err
}

// cell returns the figure of a column, with its ratio to that of the first peer if that is asked for.
func (c column) cell(own, first []sample, ratio bool) string {
	values := make([]float64, len(own))
	ratios := make([]float64, len(own))
	for i := range own {
		values[i] = c.value(&own[i])
		ratios[i] = values[i] / max(c.value(&first[i]), 1e-9)
	}
	v := median(values)
	switch {
	case v == 0:
		return "–"
	case !ratio:
		return c.format(v)
	}
	return fmt.Sprintf("%s (%s)", c.format(v), number(median(ratios)))
}

// crowded is the part of the machine that others may use before the figures say little.
const crowded = 0.1

func (r *Report) footer(text *strings.Builder) {
	fmt.Fprintf(text, "\nIn brackets the ratio to %s: above 1 is better for calls/s, below 1 for all else. ", r.cfg.Peers[0].Name)
	text.WriteString("CPU is user and system time of client and server together.\n")
	fmt.Fprintf(text, "Medians of %d slices of %v. %s, %s/%s, %d CPUs", r.cfg.Rounds, r.cfg.Slice, runtime.Version(),
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	for _, p := range r.cfg.Peers {
		if v := version(p.Module); v != "" {
			fmt.Fprintf(text, ", %s %s", p.Name, v)
		}
	}
	text.WriteString(".\n")
	all, known := r.others(-1)
	if !known {
		text.WriteString("How busy the machine was with other processes is not known.\n")
		return
	}
	fmt.Fprintf(text, "Other processes used %.0f%% of the machine.\n", 100*all)
	for i, s := range r.cfg.Scenarios {
		if part, _ := r.others(i); part > crowded {
			fmt.Fprintf(text, "WARNING, %s: other processes used %.0f%%; do not quote it.\n", s.Title, 100*part)
		}
	}
	if all > crowded {
		text.WriteString("A machine that is busy with others, over a tenth of it, flatters designs that batch.\n")
	}
}

// version returns the version of a module that the program was built with, or "" for one that is being worked on.
func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, dep := range info.Deps {
		if dep.Path == module && dep.Replace == nil {
			return dep.Version
		}
	}
	return ""
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func count(v float64) string { return fmt.Sprintf("%.0f", v) }

// number has two digits, or more before the point.
func number(v float64) string {
	switch {
	case v < 1:
		return fmt.Sprintf("%.2f", v)
	case v < 9.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// duration has three digits.
func duration(v float64) string {
	unit := time.Nanosecond
	for unit < time.Second && v >= 999.5*float64(unit) {
		unit *= 1000
	}
	v /= float64(unit)
	digits := 0
	for limit := 99.95; digits < 2 && v < limit; limit /= 10 {
		digits++
	}
	name := strings.TrimPrefix(unit.String(), "1")
	return fmt.Sprintf("%.*f %s", digits, v, name)
}
