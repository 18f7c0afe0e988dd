"""Where each rule of a method is shown: what it does besides sending its request."""

import ast
from pathlib import Path

import pytest

from kata_exporter.agent.interface import Agent

HERE = Path(__file__).parent

RULES: dict[str, dict[str, str]] = {
    "init": {
        "says whether the guest shuts itself down": "calls/sandbox: init_tells_whether_the_guest_shuts_itself_down",
        "sets the time of create_container": "calls/sandbox: init_sets_the_time_of_create_container_and_zero_is_the_default",
        "sets the time of dialling": "calls/sandbox: init_sets_the_time_of_dialling_and_zero_is_the_default",
    },
    "capabilities": {"always the same": "calls/sandbox: capabilities_are_block_devices"},
    "check": {
        "status isn't looked at": "client: check_is_content_with_any_health",
        "error text": "errors: other_errors_have_the_text_of_katas_own_client",
    },
    "long_live_conn": {
        "else a connection for each call": "connections: without_a_lasting_connection_each_call_has_its_own"
    },
    "disconnect": {
        "isn't final": "connections: lost_connection_stays_lost_until_disconnect",
        "without a connection": "connections: disconnect_and_mark_dead_without_a_connection_are_no_error",
        "calls end": "connections: disconnect_ends_calls_and_waits_under_way",
    },
    "get_agent_url": {
        "none is an error": "calls/connection: url_of_a_client_without_one_is_an_error_that_names_it"
    },
    "set_agent_url": {
        "from the next connection on": "calls/connection: set_agent_url_is_what_the_next_connection_goes_to"
    },
    "reuse_agent": {
        "shares a live connection": "connections_reuse: reuse_shares_the_other_clients_connection",
        "neither URL nor death": "connections_reuse: reuse_of_a_dead_client_takes_over_neither_death_nor_url",
        "stays dead": "connections_reuse: reuse_brings_no_dead_client_back",
        "another kind is refused": "connections_reuse: reuse_of_something_else_names_the_argument",
    },
    "create_sandbox": {
        "sends nothing": "calls/connection: create_sandbox_configures_and_sends_nothing"
    },
    "exec": {
        "an id of its own": "calls/process: exec_gives_each_process_an_id_of_its_own",
        "no user by name, no ports": "calls/process: exec_sends_no_user_by_name_and_no_ports",
        "user and groups": "calls/command: numbers_of_32_bits_are_whom_it_runs_as",
        "any text as user": "calls/command: any_user_is_two_numbers_at_most_or_an_error_that_names_it",
        "a name is refused": "calls/command: user_that_is_no_number_is_refused",
        "groups are named": "calls/command: groups_are_named_where_they_are_wrong",
        "environment": "calls/command: variables_are_joined_in_order_and_may_hold_anything_but_nul",
    },
    "start_sandbox": {
        "order": "calls/sandbox: start_sandbox_sends_all_in_order",
        "what isn't configured": "calls/sandbox: start_sandbox_leaves_out_what_is_not_configured",
        "URL first": "calls/sandbox: start_sandbox_goes_to_the_url_that_was_configured",
        "host name": "calls/sandbox: start_sandbox_cuts_the_hostname",
        "DNS": "calls/sandbox: start_sandbox_sends_the_lines_of_resolv_conf_as_they_stand",
        "kernel modules": "calls/sandbox: start_sandbox_sends_modules_by_name_and_parameters",
        "storages": "calls/sandbox: start_sandbox_sends_what_is_mounted_for_the_sandbox",
        "virtio-fs": "storages: virtio_fs_has_dax_where_there_is_a_window_and_a_cache",
        "9p": "storages: nine_p_has_its_message_size_each_time_once",
        "shm": "storages: shm_is_a_tmpfs_of_its_size",
        "old agent and neighbours": "calls/sandbox: start_sandbox_goes_on_where_the_agent_is_too_old_for_neighbors",
        "another machine": "calls/sandbox: start_sandbox_on_another_machine_has_no_network_no_modules_and_more_time",
        "first failure": "calls/sandbox: start_sandbox_ends_with_the_first_call_that_fails",
    },
    "stop_sandbox": {"one call": "client: each_method_sends_its_requests_and_reads_its_answer"},
    "create_container": {
        "root and its storages first": "calls/container: create_container_shares_its_root_and_mounts_that_first",
        "without sharing": "calls/container: create_container_without_sharing_keeps_the_root_of_the_specification",
        "undone": "calls/container: create_container_that_the_agent_refuses_is_undone_on_the_host",
        "undone where cancelled": "calls/container: create_container_that_is_cancelled_is_undone_on_the_host",
        "hooks": "guest_spec: hooks_ran_on_the_host",
        "root": "guest_spec: root_is_the_guests_path",
        "controllers": "guest_spec: controllers_that_are_the_hosts_are_cleared",
        "namespaces": "guest_spec: namespaces_of_the_host_are_taken_out_and_the_paths_of_others_emptied",
        "PID namespace": "guest_spec: pid_namespace_with_a_path_is_the_sandboxes",
        "seccomp": "guest_spec: seccomp_is_kept_where_the_guest_is_to_filter",
        "seccomp mismatch": "guest_spec: seccomp_that_the_agent_cannot_do_is_an_error",
        "SELinux": "guest_spec: selinux_label_is_cleared_rewritten_or_replaced",
        "VFIO": "guest_spec: vfio_devices_stay_only_where_containers_get_them",
        "mounts": "guest_spec: mounts_are_the_guests",
        "memory nodes": "guest_spec: memory_nodes_are_those_behind_which_the_hosts_stand",
    },
    "start_container": {
        "gone": "calls/container: container_that_the_agent_lacks_is_gone_where_its_answer_says_so"
    },
    "stop_container": {
        "no time-out for the guest": "calls/container: stop_container_leaves_the_guest_no_time_out_of_its_own",
        "time-out text": "errors: time_out_has_the_text_of_katas_own_client",
    },
    "signal_process": {
        "all": "calls/process: signal_process_to_all_has_an_empty_exec_id",
        "else an id": "calls/process: ids_that_are_none_are_refused_before_anything_is_sent",
    },
    "winsize_process": {
        "height is rows": "client: each_method_sends_its_requests_and_reads_its_answer"
    },
    "write_process_stdin": {
        "how much was taken": "calls/process: write_that_took_more_than_was_given_is_a_protocol_error"
    },
    "close_process_stdin": {
        "ids": "calls/process: ids_that_are_none_are_refused_before_anything_is_sent"
    },
    "read_process_stdout": {
        "empty is the end": "calls/process: read_gives_an_empty_answer_as_the_end",
        "no more than asked for": "calls/process: read_takes_as_much_as_was_asked_for_and_no_more",
        "no time-out": "client: time_that_the_guest_is_given_is_that_of_the_class",
    },
    "read_process_stderr": {
        "empty is the end": "calls/process: read_gives_an_empty_answer_as_the_end"
    },
    "process_list_container": {
        "old and new agents": "calls/process: process_list_container_asks_only_agents_that_list_processes"
    },
    "update_container": {
        "what can't be sent": "calls/container: update_container_names_the_limit_that_cannot_be_sent"
    },
    "wait_process": {
        "no time-out": "client: time_that_the_guest_is_given_is_that_of_the_class",
        "own connection": "connections: call_that_waits_has_a_connection_of_its_own",
        "gone": "calls/process: process_or_container_that_the_agent_lacks_is_gone",
    },
    "online_cpu_mem": {
        "doesn't wait": "client: each_method_sends_its_requests_and_reads_its_answer"
    },
    "mem_hotplug_by_probe": {
        "addresses": "calls/guest: sections_lie_one_after_the_other_within_the_memory",
        "no size": "calls/guest: sections_that_cannot_be_are_refused",
    },
    "stats_container": {
        "cgroups alone": "messages/stats: stats_container_leaves_network_statistics_out",
        "absent is absent": "messages/stats: empty_answer_has_nothing",
    },
    "pause_container": {
        "gone": "calls/container: container_that_the_agent_lacks_is_gone_where_its_answer_says_so"
    },
    "resume_container": {
        "gone": "calls/container: container_that_the_agent_lacks_is_gone_where_its_answer_says_so"
    },
    "configure": {
        "device and folder": "calls/connection: configure_gives_the_vm_a_device_for_vsock_and_the_shared_folder",
        "none": "calls/connection: configure_gives_no_device_where_none_leads_to_the_agent",
        "no hypervisor": "calls/connection: without_a_hypervisor_the_url_stays_and_the_log_says_so",
    },
    "configure_from_grpc": {
        "address alone": "calls/connection: configure_from_grpc_gives_the_vm_nothing"
    },
    "reseed_rng": {"field": "client: each_method_sends_its_requests_and_reads_its_answer"},
    "update_interface": {
        "tries again": "calls/network: update_interface_tries_again_while_the_device_is_not_there",
        "gives up": "calls/network: update_interface_gives_up_after_the_last_try_with_its_error",
        "other errors": "calls/network: update_interface_does_not_try_again_after_another_error",
        "pause ends": "calls/network: update_interface_can_be_cancelled_in_its_pause",
        "deadline": "calls/network: update_interface_does_not_pause_past_its_deadline",
    },
    "list_interfaces": {"family": "calls/network: family_that_is_none_is_a_protocol_error"},
    "update_routes": {
        "None and empty": "calls/network: update_routes_without_a_list_asks_nothing_and_an_empty_one_is_sent"
    },
    "list_routes": {"family": "calls/network: family_that_is_none_is_a_protocol_error"},
    "get_guest_details": {
        "both flags": "client: each_method_sends_its_requests_and_reads_its_answer",
        "time-out text": "calls/guest: details_time_out_under_the_name_of_katas_own_client",
    },
    "set_guest_date_time": {
        "microseconds": "calls/guest: set_guest_date_time_is_exact_to_the_microsecond"
    },
    "copy_file": {
        "pieces": "calls/copy_file: copy_file_of_any_size_in_any_pieces_is_the_file_in_the_guest",
        "folder and link": "calls/guest: copy_file_sends_a_folder_and_a_link_as_one_request",
        "other types": "calls/copy_file: copy_file_of_what_cannot_be_copied_sends_nothing",
        "time per piece": "calls/guest: copy_file_has_the_time_of_the_class_for_each_piece",
        "changes meanwhile": "calls/copy_file: copy_file_of_what_changes_meanwhile_says_how_much_was_sent",
        "refused half way": "calls/copy_file: copy_file_that_the_guest_refuses_half_way_says_how_much_was_sent",
    },
    "mark_dead": {
        "asks nothing more": "connections: client_that_is_marked_dead_asks_nothing_more",
        "text": "connections: dead_client_says_what_katas_own_says",
    },
    "cleanup": {"only logs": "calls/sandbox: cleanup_is_the_hosts_and_only_logs_what_fails"},
    "save": {"and load": "calls/connection: load_takes_over_what_save_gave"},
    "load": {"what save gave": "calls/connection: load_takes_over_what_save_gave"},
    "get_oom_event": {
        "no time-out": "client: time_that_the_guest_is_given_is_that_of_the_class",
        "takes no event for nobody": "oom: cancelling_a_wait_closes_its_connection_and_takes_no_event",
    },
    "get_agent_metrics": {"as it stood": "client: metrics_are_the_text_as_it_stood"},
}
"""By method and rule: file and test, without their prefixes."""


def place_of(test: str) -> tuple[Path, str]:
    file, _, name = test.partition(": ")
    folder, _, stem = file.rpartition("/")
    prefix = f"test_agent_{folder}_" if folder else "test_agent_"
    return HERE / folder / f"{prefix}{stem}.py", f"test_{name}"


def defined_in(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.parametrize("method", RULES)
def test_each_rule_has_its_test(method: str) -> None:
    for rule, test in RULES[method].items():
        path, name = place_of(test)
        assert name in defined_in(path), f"{rule}: {path.name} has no {name}"


def test_every_method_of_the_interface_has_its_rules() -> None:
    assert {*RULES} == {name for name in dir(Agent) if not name.startswith("_")}
