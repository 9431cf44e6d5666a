// Package weather is the example of the README: a service with one method of each kind.
package weather

import (
	"context"
	"io"
	"sync"

	"github.com/protomicro/micro/examples/weather/weatherv1"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/status"
)

// A Station serves weather.v1.Weather from memory. It is safe for concurrent use.
type Station struct {
	mu      sync.Mutex // guards below
	celsius map[string]float64
	changed chan struct{} // closed, and replaced, when a sample comes in
}

var _ weatherv1.WeatherServer = (*Station)(nil)

// New returns a station that knows the weather of two cities.
func New() *Station {
	return &Station{celsius: map[string]float64{"Oslo": -3, "Lisbon": 19}, changed: make(chan struct{})}
}

// Get returns the latest report of a city.
func (s *Station) Get(_ context.Context, req *weatherv1.GetRequest) (*weatherv1.Report, error) {
	report, _, err := s.report(req.GetCity())
	return report, err
}

// Watch sends the latest report of a city, and each later one.
func (s *Station) Watch(ctx context.Context, req *weatherv1.WatchRequest, reports *runtime.Sender[weatherv1.Report]) error {
	for n := int32(1); ; n++ {
		report, changed, err := s.report(req.GetCity())
		if err != nil {
			return err
		}
		if err := reports.Send(report); err != nil || n == req.GetReports() {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Record takes in what a station has measured.
func (s *Station) Record(_ context.Context, samples *runtime.Receiver[weatherv1.Sample]) (*weatherv1.Summary, error) {
	var sum weatherv1.Summary
	for sample, err := range samples.All() {
		if err != nil {
			return nil, err
		}
		s.set(sample.GetCity(), sample.GetCelsius())
		sum.Samples++
		sum.AverageCelsius += (sample.GetCelsius() - sum.GetAverageCelsius()) / float64(sum.GetSamples())
	}
	return &sum, nil
}

// Chat answers the notes of a station.
func (s *Station) Chat(_ context.Context, notes *runtime.Stream[weatherv1.Note, weatherv1.Note]) error {
	for {
		note, err := notes.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := notes.Send(&weatherv1.Note{Text: "you said: " + note.GetText()}); err != nil {
			return err
		}
	}
}

func (s *Station) report(city string) (*weatherv1.Report, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	celsius, ok := s.celsius[city]
	if !ok {
		return nil, nil, status.Errorf(status.NotFound, "no city named %q", city)
	}
	summary := "mild"
	if celsius < 0 {
		summary = "freezing"
	}
	return &weatherv1.Report{City: city, Celsius: celsius, Summary: summary}, s.changed, nil
}

func (s *Station) set(city string, celsius float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.celsius[city] = celsius
	close(s.changed)
	s.changed = make(chan struct{})
}
