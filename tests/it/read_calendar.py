"""Reads a calendar with python-icalendar, and prints what a calendar program would show as JSON."""
import datetime
import json
import sys

from dateutil.rrule import rrulestr
from icalendar import Calendar

calendar = Calendar.from_ical(sys.stdin.buffer.read())
events = []
for event in calendar.walk("VEVENT"):
    start, end = event.decoded("DTSTART"), event.decoded("DTEND")
    assert type(start) is datetime.date and end > start, (start, end)
    days = [start]
    if "RRULE" in event:
        rule = event["RRULE"].to_ical().decode()
        begin = datetime.datetime.combine(start, datetime.time())
        days = [day.date() for day in rrulestr(rule, dtstart=begin)[:4]]
    alarms = [alarm.decoded("TRIGGER").days for alarm in event.walk("VALARM")]
    events.append({
        "uid": str(event["UID"]), "days": [str(day) for day in days], "lasts": (end - start).days,
        "status": str(event["STATUS"]), "alarms": alarms, "summary": str(event["SUMMARY"]),
    })
json.dump({"name": str(calendar["X-WR-CALNAME"]), "events": events, "errors": calendar.errors}, sys.stdout)
