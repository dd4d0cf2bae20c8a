"""From a demand and the costs to the plan. Pure."""

from bench.plan.advice import advice_of
from bench.plan.cluster import broker_figures
from bench.plan.costs import Costs
from bench.plan.demand import Demand
from bench.plan.figures import Case, Plan
from bench.plan.limits import limits_of
from bench.plan.pods import keda_figures, size_figures
from bench.plan.problems import problems_of
from bench.plan.size import size_of
from bench.plan.times import times_figures
from bench.plan.view import priced, view
from bench.plan.words import words


def plan_of(demand: Demand, costs: Costs) -> Plan:
    """The plan. One that cannot be kept has its reasons in `problems`, and the figures of the most that can be done."""
    of_demand = priced(costs, demand)
    middle = view(of_demand, "value")
    case = Case(
        demand,
        size_of(middle, demand),
        of_demand,
        middle,
        view(of_demand, "low"),
        view(of_demand, "high"),
    )
    problems = problems_of(case)
    pods, keda, times, broker = size_figures(case), keda_figures(case), times_figures(case), broker_figures(case)
    limits = limits_of(case)
    return Plan(
        demand=demand,
        possible=not problems,
        problems=problems,
        words=words(case, problems, pods, times, limits),
        size=pods,
        keda=keda,
        times=times,
        broker=broker,
        limits=limits,
        advice=advice_of(case, keda, times, broker),
        machine=costs.machine,
        sources=costs.sources,
        notes=costs.notes,
    )
