package health

import (
	"context"

	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/services/health/healthv1"
	"github.com/protomicro/micro/services/internal/published"
	"github.com/protomicro/micro/status"
)

// NewClient returns a client that asks the servers at the other end of conn, of whatever make, for their health.
func NewClient(conn runtime.Conn) *healthv1.HealthClient {
	return healthv1.NewHealthClient(published.Conn(conn))
}

// server is the Checker as generated code sees it.
type server struct{ *Checker }

func (s server) Check(_ context.Context, req *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	now := s.look(req.GetService())
	if now.status == healthv1.HealthCheckResponse_SERVICE_UNKNOWN {
		return nil, status.Errorf(status.NotFound, "the health of service %.100q is not known here", req.GetService())
	}
	return &healthv1.HealthCheckResponse{Status: now.status}, nil
}

func (s server) List(context.Context, *healthv1.HealthListRequest) (*healthv1.HealthListResponse, error) {
	return &healthv1.HealthListResponse{Statuses: s.all()}, nil
}

func (s server) Watch(
	ctx context.Context, req *healthv1.HealthCheckRequest, states *runtime.Sender[healthv1.HealthCheckResponse],
) error {
	last := healthv1.HealthCheckResponse_UNKNOWN // which no service is
	for {
		now := s.look(req.GetService())
		if now.status != last {
			last = now.status
			if err := states.Send(&healthv1.HealthCheckResponse{Status: now.status}); err != nil {
				return err
			}
		}
		if now.draining {
			return status.Errorf(status.Unavailable, "the server ends")
		}
		select {
		case <-now.changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
