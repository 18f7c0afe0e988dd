"""Sandboxes as a node's container runtime tells them through CRI (``runtime.v1.RuntimeService``)."""

from kata_exporter.discovery.cri.endings import TellFinished
from kata_exporter.discovery.cri.endpoint import cri_endpoint, resolve_endpoint
from kata_exporter.discovery.cri.hook import CriHook, NoCriHook, RejectedPod
from kata_exporter.discovery.cri.runtime import answering_path
from kata_exporter.discovery.cri.selection import Selection
from kata_exporter.discovery.cri.source import SOURCE, CriSource

__all__ = [
    "SOURCE",
    "CriHook",
    "CriSource",
    "NoCriHook",
    "RejectedPod",
    "Selection",
    "TellFinished",
    "answering_path",
    "cri_endpoint",
    "resolve_endpoint",
]
