SELECT item, seen, last_day
FROM
(
SELECT name AS item, sum(r_day.events) AS seen, max(day) AS last_day
FROM r_day
WHERE project_id = {project:String}
GROUP BY item
)
ORDER BY seen DESC, item
LIMIT {v0:UInt32};
