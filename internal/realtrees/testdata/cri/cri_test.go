// Package cri_test is copied beside the code that is generated for the Container Runtime Interface.
package cri_test

import (
	"context"
	"net"
	"testing"

	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/status"
	"realtrees.example/cri"
)

// containers is a container runtime of which only a part exists.
type containers struct{ cri.RuntimeServiceServer }

func (containers) Version(_ context.Context, req *cri.VersionRequest) (*cri.VersionResponse, error) {
	return &cri.VersionResponse{Version: req.GetVersion(), RuntimeName: "micro", RuntimeApiVersion: "v1"}, nil
}

func (containers) StopContainer(_ context.Context, req *cri.StopContainerRequest) (*cri.StopContainerResponse, error) {
	return nil, status.Errorf(status.NotFound, "no container %s", req.GetContainerId())
}

func (containers) GetContainerEvents(
	_ context.Context, _ *cri.GetEventsRequest, events *runtime.Sender[cri.ContainerEventResponse],
) error {
	for _, id := range []string{"a", "b", "c"} {
		err := events.Send(&cri.ContainerEventResponse{
			ContainerId:        id,
			ContainerEventType: cri.ContainerEventType_CONTAINER_STARTED_EVENT,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func TestRuntimeService_InProcess(t *testing.T) {
	server := &runtime.Server{}
	cri.RegisterRuntimeServiceServer(server, containers{})
	client := runtime.Local(server)
	t.Cleanup(func() { check(t, client.Close()) })
	call(t, cri.NewRuntimeServiceClient(client))
}

func TestRuntimeService_TCP(t *testing.T) {
	server := &runtime.Server{}
	cri.RegisterRuntimeServiceServer(server, containers{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, l) }()
	client := &runtime.Client{Addrs: []string{"tcp://" + l.Addr().String()}}
	t.Cleanup(func() {
		check(t, client.Close())
		cancel()
		check(t, <-served)
	})
	call(t, cri.NewRuntimeServiceClient(client))
}

func call(t *testing.T, client *cri.RuntimeServiceClient) {
	version, err := client.Version(t.Context(), &cri.VersionRequest{Version: "0.1.0"})
	if err != nil || version.GetVersion() != "0.1.0" || version.GetRuntimeName() != "micro" {
		t.Errorf("Version = %v, %v", version, err)
	}
	_, err = client.StopContainer(t.Context(), &cri.StopContainerRequest{ContainerId: "x"})
	if status.CodeOf(err) != status.NotFound {
		t.Errorf("StopContainer: %v, want code not_found", err)
	}
	events, err := client.GetContainerEvents(t.Context(), &cri.GetEventsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var ids string
	for event, err := range events.All() {
		if err != nil {
			t.Fatal(err)
		}
		ids += event.GetContainerId()
	}
	if ids != "abc" {
		t.Errorf("events of the containers %q, want abc", ids)
	}
}

func check(t *testing.T, err error) {
	if err != nil {
		t.Error(err)
	}
}
