package runtime

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/protomicro/micro/registry"
	"github.com/protomicro/micro/transport"
)

// A Service is what main runs: a server with its name, its addresses and its place in the registry. Its fields must not
// be changed while it runs.
type Service struct {
	Name        string   // under which clients find it: "weather"
	Version     string   // "1.4.2"
	Addrs       []string // to listen on: "tcp://:8080", "unix:///run/weather.sock"
	Server      *Server
	Transports  []transport.Transport         // for further schemes; tcp and unix are always there
	Registrar   registry.Registrar            // where it is announced; nil for nowhere
	Advertise   []string                      // the addresses to announce; default those it listens on
	Meta        map[string]string             // to announce
	Propagation time.Duration                 // from Leaving to the last call that is taken; default 1 s with a Registrar, or else 0
	Tasks       []func(context.Context) error // run beside the server; one that fails ends the service
	OnReady     func(addrs []string)          // called once the service answers, with the addresses it listens on
}

// Run listens, announces the service and serves, until ctx ends. Then the server is [Leaving]: the announcement is
// withdrawn, and clients have time to notice. Then it is [Draining]: running calls end within its DrainTimeout. At last
// the tasks end, and Run returns nil. Whatever fails ends the service in the same order, and Run returns the reason.
func (s *Service) Run(ctx context.Context) error {
	listeners, addrs, err := s.listen(ctx)
	if err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	working, stopTasks := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTasks()

	served := make(chan error, 1)
	go func() { // ends with serving, and is waited for below
		err := s.Server.Serve(serving, listeners...)
		fail(err) // nothing is left to run
		served <- err
	}()
	worked := make(chan error, len(s.Tasks))
	for _, task := range s.Tasks {
		go func() { // ends with working, and is waited for below
			err := task(working)
			switch {
			case err != nil && working.Err() == nil:
				fail(err)
			case errors.Is(err, context.Canceled):
				err = nil // it ended because it was to
			}
			worked <- err
		}()
	}
	announced, err := s.announce(ctx, addrs)
	if err != nil {
		fail(err)
	} else if s.OnReady != nil && ctx.Err() == nil {
		s.OnReady(addrs)
	}
	<-ctx.Done()
	s.Server.state.enter(Leaving)
	errs := []error{err, s.withdraw(ctx, announced)}
	stopServing()
	errs = append(errs, <-served)
	stopTasks()
	for range s.Tasks {
		errs = append(errs, <-worked)
	}
	return errors.Join(errs...)
}

// listen opens all addresses, or none.
func (s *Service) listen(ctx context.Context) (listeners []net.Listener, addrs []string, err error) {
	if s.Server == nil || len(s.Addrs) == 0 {
		return nil, nil, fmt.Errorf("runtime: service %q needs a Server and at least one address, such as \"tcp://:8080\"", s.Name)
	}
	for _, addr := range s.Addrs {
		l, err := s.listenOn(ctx, addr)
		if err != nil {
			for _, l := range listeners {
				_ = l.Close()
			}
			return nil, nil, fmt.Errorf("runtime: service %q cannot listen on %s: %w", s.Name, addr, err)
		}
		scheme, _, _ := strings.Cut(addr, "://")
		listeners = append(listeners, l)
		addrs = append(addrs, scheme+"://"+l.Addr().String())
	}
	return listeners, addrs, nil
}

func (s *Service) listenOn(ctx context.Context, addr string) (net.Listener, error) {
	scheme, rest, ok := strings.Cut(addr, "://")
	tr := find(s.Transports, scheme)
	if !ok || tr == nil {
		return nil, errors.New("no transport for it; an address looks like \"tcp://host:port\"")
	}
	return tr.Listen(ctx, rest)
}

// announce registers the service and returns the ID it has there, or "" without a registrar.
func (s *Service) announce(ctx context.Context, addrs []string) (string, error) {
	if s.Registrar == nil {
		return "", nil
	}
	in := registry.Instance{ID: s.Name + "-" + rand.Text(), Service: s.Name, Version: s.Version, Addrs: s.Advertise, Meta: s.Meta}
	if in.Addrs == nil {
		for _, addr := range addrs {
			in.Addrs = append(in.Addrs, reachable(addr))
		}
	}
	if err := s.Registrar.Register(ctx, in); err != nil {
		return "", fmt.Errorf("runtime: announcing service %q: %w", s.Name, err)
	}
	return in.ID, nil
}

// withdraw takes the service out of the registry, if it is there, and waits until clients have noticed.
func (s *Service) withdraw(ctx context.Context, id string) error {
	wait := s.Propagation
	if wait == 0 && id != "" {
		wait = time.Second
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	if id == "" {
		<-timer.C
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(wait, 5*time.Second))
	defer cancel()
	err := s.Registrar.Deregister(ctx, id)
	<-timer.C
	if err != nil {
		return fmt.Errorf("runtime: withdrawing service %q: %w", s.Name, err)
	}
	return nil
}

// reachable returns addr with, in the place of a host that stands for all of the machine's, the first that others can
// reach, or else the loopback address.
func reachable(addr string) string {
	scheme, rest, _ := strings.Cut(addr, "://")
	host, port, err := net.SplitHostPort(rest)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return addr
	}
	best := "127.0.0.1"
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			best = n.IP.String()
			break
		}
	}
	return scheme + "://" + net.JoinHostPort(best, port)
}
