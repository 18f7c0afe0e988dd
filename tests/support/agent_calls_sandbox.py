"""Calls about a sandbox, its containers and their processes."""

from agent_call import CONTAINER, EXEC_ID, STARTED_AT, AgentCall, of_container, one
from agent_calls_guest import ETH0, ETH0_MESSAGE, ROUTE, ROUTE_MESSAGE
from kata_exporter._pb import agent_pb2 as pb
from kata_exporter._pb import health_pb2, oci_pb2
from kata_exporter.agent.types import (
    Command,
    ContainerConfig,
    Process,
    ProcessListOptions,
    SandboxConfig,
    Storage,
    oci,
)

_TMPFS = Storage("ephemeral", "tmpfs", "tmpfs", "/run/x", ("size=1m",))
_TMPFS_MESSAGE = pb.Storage(
    driver="ephemeral", source="tmpfs", fstype="tmpfs", mount_point="/run/x", options=["size=1m"]
)
_SANDBOX = SandboxConfig("sb-one", "web-0", interfaces=(ETH0,), routes=(ROUTE,))
_SPEC = oci.Spec(process=oci.Process(("true",)), linux=oci.Linux(cgroups_path="/app"))


SANDBOX_CALLS = (
    AgentCall(
        "start_sandbox",
        lambda agent: agent.start_sandbox(_SANDBOX),
        (
            ("grpc.Health/Check", health_pb2.CheckRequest()),
            (
                "grpc.AgentService/UpdateInterface",
                pb.UpdateInterfaceRequest(interface=ETH0_MESSAGE),
            ),
            (
                "grpc.AgentService/UpdateRoutes",
                pb.UpdateRoutesRequest(routes=pb.Routes(Routes=[ROUTE_MESSAGE])),
            ),
            (
                "grpc.AgentService/CreateSandbox",
                pb.CreateSandboxRequest(hostname="web-0", sandbox_id="sb-one"),
            ),
        ),
    ),
    one(
        "stop_sandbox",
        lambda agent: agent.stop_sandbox(),
        "DestroySandbox",
        pb.DestroySandboxRequest(),
    ),
    one(
        "set_policy",
        lambda agent: agent.set_policy("package agent_policy"),
        "SetPolicy",
        pb.SetPolicyRequest(policy="package agent_policy"),
    ),
)

CONTAINER_CALLS = (
    one(
        "create_container",
        lambda agent: agent.create_container(
            _SANDBOX, ContainerConfig("ctr-one", _SPEC, (_TMPFS,))
        ),
        "CreateContainer",
        pb.CreateContainerRequest(
            container_id="ctr-one",
            exec_id="ctr-one",
            storages=[_TMPFS_MESSAGE],
            OCI=oci_pb2.Spec(
                Process=oci_pb2.Process(Args=["true"], Cwd="/", User=oci_pb2.User()),
                Root=oci_pb2.Root(),
                Linux=oci_pb2.Linux(CgroupsPath="/app", Resources=oci_pb2.LinuxResources()),
            ),
        ),
        result=Process("ctr-one", STARTED_AT),
    ),
    of_container("start_container", "StartContainer", pb.StartContainerRequest),
    of_container("stop_container", "RemoveContainer", pb.RemoveContainerRequest),
    of_container("pause_container", "PauseContainer", pb.PauseContainerRequest),
    of_container("resume_container", "ResumeContainer", pb.ResumeContainerRequest),
    one(
        "update_container",
        lambda agent: agent.update_container(
            CONTAINER, oci.LinuxResources(memory=oci.LinuxMemory(limit_bytes=-1))
        ),
        "UpdateContainer",
        pb.UpdateContainerRequest(
            container_id="ctr-one",
            resources=oci_pb2.LinuxResources(Memory=oci_pb2.LinuxMemory(Limit=-1)),
        ),
    ),
    one(
        "get_diagnostic_data",
        lambda agent: agent.get_diagnostic_data(CONTAINER),
        "GetDiagnosticData",
        pb.GetDiagnosticDataRequest(log_type="termination_log", container_id="ctr-one"),
        pb.GetDiagnosticDataResponse(data="it ended"),
        "it ended",
    ),
    one(
        "update_ephemeral_mounts",
        lambda agent: agent.update_ephemeral_mounts([_TMPFS]),
        "UpdateEphemeralMounts",
        pb.UpdateEphemeralMountsRequest(storages=[_TMPFS_MESSAGE]),
    ),
    one(
        "remove_stale_virtiofs_share_mounts",
        lambda agent: agent.remove_stale_virtiofs_share_mounts(),
        "RemoveStaleVirtiofsShareMounts",
        pb.RemoveStaleVirtiofsShareMountsRequest(),
    ),
)

PROCESS_CALLS = (
    one(
        "exec",
        lambda agent: agent.exec(CONTAINER, Command(("ls",), "7:8", env={"A": "b"})),
        "ExecProcess",
        pb.ExecProcessRequest(
            container_id="ctr-one",
            exec_id=EXEC_ID,
            process=oci_pb2.Process(
                Args=["ls"], Env=["A=b"], Cwd="/", User=oci_pb2.User(UID=7, GID=8)
            ),
        ),
        result=Process(EXEC_ID, STARTED_AT),
    ),
    one(
        "signal_process",
        lambda agent: agent.signal_process(CONTAINER, "exec-one", 15),
        "SignalProcess",
        pb.SignalProcessRequest(container_id="ctr-one", exec_id="exec-one", signal=15),
    ),
    one(
        "winsize_process",
        lambda agent: agent.winsize_process(CONTAINER, "exec-one", 24, 80),
        "TtyWinResize",
        pb.TtyWinResizeRequest(container_id="ctr-one", exec_id="exec-one", row=24, column=80),
    ),
    one(
        "write_process_stdin",
        lambda agent: agent.write_process_stdin(CONTAINER, "exec-one", b"abc"),
        "WriteStdin",
        pb.WriteStreamRequest(container_id="ctr-one", exec_id="exec-one", data=b"abc"),
        pb.WriteStreamResponse(len=2),
        2,
    ),
    one(
        "close_process_stdin",
        lambda agent: agent.close_process_stdin(CONTAINER, "exec-one"),
        "CloseStdin",
        pb.CloseStdinRequest(container_id="ctr-one", exec_id="exec-one"),
    ),
    one(
        "read_process_stdout",
        lambda agent: agent.read_process_stdout(CONTAINER, "exec-one", 4096),
        "ReadStdout",
        pb.ReadStreamRequest(container_id="ctr-one", exec_id="exec-one", len=4096),
        pb.ReadStreamResponse(data=b"out"),
        b"out",
    ),
    one(
        "read_process_stderr",
        lambda agent: agent.read_process_stderr(CONTAINER, "exec-one", 4096),
        "ReadStderr",
        pb.ReadStreamRequest(container_id="ctr-one", exec_id="exec-one", len=4096),
        pb.ReadStreamResponse(data=b"err"),
        b"err",
    ),
    one(
        "wait_process",
        lambda agent: agent.wait_process(CONTAINER, "exec-one"),
        "WaitProcess",
        pb.WaitProcessRequest(container_id="ctr-one", exec_id="exec-one"),
        pb.WaitProcessResponse(status=137),
        137,
    ),
    AgentCall(
        "process_list_container",
        lambda agent: agent.process_list_container(CONTAINER, ProcessListOptions(args=("-ef",))),
        (
            ("grpc.Health/Version", health_pb2.CheckRequest()),
            (
                "grpc.AgentService/ListProcesses",
                pb.ListProcessesRequest(container_id="ctr-one", format="json", args=["-ef"]),
            ),
        ),
        {
            "grpc.Health/Version": health_pb2.VersionCheckResponse(agent_version="2.0.4"),
            "grpc.AgentService/ListProcesses": pb.ListProcessesResponse(process_list=b"[1]"),
        },
        b"[1]",
    ),
)
