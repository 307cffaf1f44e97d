"""The local stack: everything that a developer needs to run the functions on one machine."""

from localdev.stack.delivery import Delivery, DeliveryPolicy
from localdev.stack.emulators import PROJECT_ID
from localdev.stack.endpoints import Endpoints
from localdev.stack.errors import StackError
from localdev.stack.stack import LocalStack

__all__ = ["PROJECT_ID", "Delivery", "DeliveryPolicy", "Endpoints", "LocalStack", "StackError"]
