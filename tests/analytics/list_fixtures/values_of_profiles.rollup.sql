SELECT item, seen, last_day
FROM
(
SELECT properties[{v0:String}] AS item, count() AS seen, toDate(0) AS last_day
FROM profiles FINAL
WHERE project_id = {project:String} AND deleted = 0 AND item != ''
GROUP BY item
)
ORDER BY seen DESC, item
LIMIT {v1:UInt32};
