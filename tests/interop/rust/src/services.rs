//! The agent's services as a table: each RPC once, for the server and for the client.

use async_trait::async_trait;
use protobuf::Message;
use ttrpc::context::Context;
use ttrpc::r#async::TtrpcContext;

use crate::client::Failure;
use crate::pb::agent::*;
use crate::pb::agent_ttrpc::{AgentService, AgentServiceClient};
use crate::pb::csi::VolumeStatsResponse;
use crate::pb::empty::Empty;
use crate::pb::health::*;
use crate::pb::health_ttrpc::{Health, HealthClient};
use crate::pb::types::Interface;
use crate::server::{json_of, Stage};

/// A server that has the services and none of their methods: what the generator gives by itself.
pub struct Bare;

macro_rules! service {
    ($service:ident, $client:ident, $full_name:literal, $call:ident:
     $($name:literal $method:ident($request:ident) -> $answer:ident;)+) => {
        #[async_trait]
        impl $service for Bare {}

        #[async_trait]
        impl $service for Stage {
            $(async fn $method(
                &self,
                context: &TtrpcContext,
                request: $request,
            ) -> ttrpc::Result<$answer> {
                let name = concat!($full_name, "/", $name);
                if self.is_bare(name) {
                    return Bare.$method(context, request).await;
                }
                self.answer(name, context, &request).await
            })+
        }

        /// Makes a call by name and returns its answer as JSON.
        pub async fn $call(
            client: &$client,
            method: &str,
            context: Context,
            payload: &[u8],
        ) -> Result<serde_json::Value, Failure> {
            match method {
                $($name => {
                    let request = $request::parse_from_bytes(payload)?;
                    Ok(json_of(&client.$method(context, &request).await?))
                })+
                _ => Err(Failure::Other(format!("no method {method}"))),
            }
        }
    };
}

service! { Health, HealthClient, "grpc.Health", call_health:
    "Check" check(CheckRequest) -> HealthCheckResponse;
    "Version" version(CheckRequest) -> VersionCheckResponse;
}

service! { AgentService, AgentServiceClient, "grpc.AgentService", call_agent:
    "CreateContainer" create_container(CreateContainerRequest) -> Empty;
    "StartContainer" start_container(StartContainerRequest) -> Empty;
    "RemoveContainer" remove_container(RemoveContainerRequest) -> Empty;
    "UpdateContainer" update_container(UpdateContainerRequest) -> Empty;
    "UpdateEphemeralMounts" update_ephemeral_mounts(UpdateEphemeralMountsRequest) -> Empty;
    "StatsContainer" stats_container(StatsContainerRequest) -> StatsContainerResponse;
    "PauseContainer" pause_container(PauseContainerRequest) -> Empty;
    "ResumeContainer" resume_container(ResumeContainerRequest) -> Empty;
    "RemoveStaleVirtiofsShareMounts" remove_stale_virtiofs_share_mounts(
        RemoveStaleVirtiofsShareMountsRequest) -> Empty;
    "GetDiagnosticData" get_diagnostic_data(GetDiagnosticDataRequest) -> GetDiagnosticDataResponse;
    "ExecProcess" exec_process(ExecProcessRequest) -> Empty;
    "SignalProcess" signal_process(SignalProcessRequest) -> Empty;
    "WaitProcess" wait_process(WaitProcessRequest) -> WaitProcessResponse;
    "ListProcesses" list_processes(ListProcessesRequest) -> ListProcessesResponse;
    "WriteStdin" write_stdin(WriteStreamRequest) -> WriteStreamResponse;
    "ReadStdout" read_stdout(ReadStreamRequest) -> ReadStreamResponse;
    "ReadStderr" read_stderr(ReadStreamRequest) -> ReadStreamResponse;
    "CloseStdin" close_stdin(CloseStdinRequest) -> Empty;
    "TtyWinResize" tty_win_resize(TtyWinResizeRequest) -> Empty;
    "UpdateInterface" update_interface(UpdateInterfaceRequest) -> Interface;
    "UpdateRoutes" update_routes(UpdateRoutesRequest) -> Routes;
    "ListInterfaces" list_interfaces(ListInterfacesRequest) -> Interfaces;
    "ListRoutes" list_routes(ListRoutesRequest) -> Routes;
    "AddARPNeighbors" add_arp_neighbors(AddARPNeighborsRequest) -> Empty;
    "GetIPTables" get_ip_tables(GetIPTablesRequest) -> GetIPTablesResponse;
    "SetIPTables" set_ip_tables(SetIPTablesRequest) -> SetIPTablesResponse;
    "GetMetrics" get_metrics(GetMetricsRequest) -> Metrics;
    "GetGuestDetails" get_guest_details(GuestDetailsRequest) -> GuestDetailsResponse;
    "GetOOMEvent" get_oom_event(GetOOMEventRequest) -> OOMEvent;
    "CreateSandbox" create_sandbox(CreateSandboxRequest) -> Empty;
    "DestroySandbox" destroy_sandbox(DestroySandboxRequest) -> Empty;
    "OnlineCPUMem" online_cpu_mem(OnlineCPUMemRequest) -> Empty;
    "MemHotplugByProbe" mem_hotplug_by_probe(MemHotplugByProbeRequest) -> Empty;
    "ReseedRandomDev" reseed_random_dev(ReseedRandomDevRequest) -> Empty;
    "SetGuestDateTime" set_guest_date_time(SetGuestDateTimeRequest) -> Empty;
    "CopyFile" copy_file(CopyFileRequest) -> Empty;
    "AddSwap" add_swap(AddSwapRequest) -> Empty;
    "AddSwapPath" add_swap_path(AddSwapPathRequest) -> Empty;
    "GetVolumeStats" get_volume_stats(VolumeStatsRequest) -> VolumeStatsResponse;
    "ResizeVolume" resize_volume(ResizeVolumeRequest) -> Empty;
    "SetPolicy" set_policy(SetPolicyRequest) -> Empty;
    "MemAgentMemcgSet" mem_agent_memcg_set(MemAgentMemcgConfig) -> Empty;
    "MemAgentCompactSet" mem_agent_compact_set(MemAgentCompactConfig) -> Empty;
}
